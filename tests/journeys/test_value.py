"""A card's life through HTTP: the very program that ``./run journey`` runs."""

import pytest

from config.kernel import audit
from tests.journeys.value import Value

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_card_from_its_purchase_to_its_second_holder(mall):
    story = mall(Value)
    story.run()
    assert story.steps == 10
    assert [f.line.code for f in audit.run() if f.violations] == []
