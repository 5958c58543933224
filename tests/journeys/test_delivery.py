"""An order that is sent, through HTTP: the very program that ``./run journey delivery`` runs."""

import pytest

from config.kernel import audit
from tests.journeys.delivery import Delivery

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_order_is_sent_received_and_another_given_back(mall):
    story = mall(Delivery)
    story.run()
    assert story.steps == 4
    assert [f.line.code for f in audit.run() if f.violations] == []
