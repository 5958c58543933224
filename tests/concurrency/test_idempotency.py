"""saleor 14926: a page refresh paid twice. The same request, sent many times at once."""

from functools import partial

import pytest

from config.kernel import idempotency
from coupons.models import Coupon
from tests.concurrency.race import race
from tests.factories import api_client, make_member, make_template

CLAIM = "/api/v1/coupon-templates/twenty/claim"


def send_at_once(member, times: int = 8) -> list:
    clients = [api_client(member) for _n in range(times)]
    return race([partial(c.command, CLAIM, key="key-00001") for c in clients])


@pytest.mark.django_db(transaction=True)
def test_the_same_request_at_once_has_one_effect():
    make_template(code="twenty", per_member=99)

    answers = send_at_once(make_member())

    assert Coupon.objects.count() == 1
    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {201, 409}
    assert 201 in statuses
    done = {answer.json()["no"] for answer in answers if answer.status_code == 201}
    assert done == {Coupon.objects.get().no}
    busy = {a.json()["errors"][0]["code"] for a in answers if a.status_code == 409}
    assert busy <= {"idempotency_in_flight"}


@pytest.mark.django_db(transaction=True)
def test_control_without_keys_every_request_has_its_effect(monkeypatch):
    make_template(code="twenty", per_member=99)
    monkeypatch.setattr(idempotency, "begin", lambda **slot: None)
    monkeypatch.setattr(idempotency, "finish", lambda **slot: None)

    send_at_once(make_member())

    assert Coupon.objects.count() > 1
