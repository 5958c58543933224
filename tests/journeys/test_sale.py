"""The whole sale through HTTP: the very program that ``./run journey`` runs."""

import pytest

from config.kernel import audit
from tests.journeys.sale import Sale

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_sale_from_code_to_returned_unit(mall):
    story = mall(Sale)
    story.run()
    assert story.steps == 10
    assert [f.line.code for f in audit.run() if f.violations] == []
    assert len(audit.run()) >= 20
