"""A basket of a guide through HTTP: the very program that ``./run journey basket`` runs."""

import pytest

from config.kernel import audit
from tests.journeys.basket import Prepared

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_basket_from_the_guide_to_the_commission(mall):
    story = mall(Prepared)
    story.run()
    assert story.steps == 4
    assert [f.line.code for f in audit.run() if f.violations] == []
