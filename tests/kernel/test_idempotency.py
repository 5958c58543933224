"""Idempotency-Key: one effect and one answer, however often the request is sent."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.test import APIRequestFactory, force_authenticate

from config.kernel import audit, idempotency
from config.kernel.api import CommandView
from config.kernel.auth import Principal
from config.kernel.codes import code_issue
from config.kernel.errors import Conflict
from config.kernel.models import Code, IdempotencyKey

pytestmark = pytest.mark.django_db
KEY = "key-00000001"


class TooLoud(Conflict):
    code = "test_too_loud"
    message = _("It is too loud: {times}.")


class RingInput(serializers.Serializer):
    times = serializers.IntegerField()


class RingView(CommandView):
    input = RingInput
    after_calls = 0

    def run(self, *, data, now, **kwargs):
        code = code_issue(purpose="ring", owner_type="bell", owner_id=data["times"], now=now)
        if data["times"] > 100:
            raise TooLoud(times=data["times"])
        return {"token": code.token}

    def after(self, body, *, now, **kwargs):
        type(self).after_calls += 1
        return body


def ring(times: int, *, key: str | None = KEY, member_id: int = 1):
    headers = {} if key is None else {"Idempotency-Key": key}
    request = APIRequestFactory().post("/bell", {"times": times}, format="json", headers=headers)
    force_authenticate(request, Principal(pk=9, is_staff=False, extra={"member_id": member_id}))
    response = RingView.as_view()(request)
    response.render()
    return response


def test_a_repeat_is_answered_from_memory():
    RingView.after_calls = 0

    first, second = ring(3), ring(3)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert Code.objects.count() == 1
    # What needs the network runs again: the first attempt may have died before it.
    assert RingView.after_calls == 2


def test_the_same_key_with_another_body_is_refused():
    ring(3)

    response = ring(4)

    assert response.status_code == 422
    assert response.data["errors"][0]["code"] == "idempotency_key_reused"
    assert Code.objects.count() == 1


@pytest.mark.parametrize("key", [None, "", "short", "x" * 65, "ключ-00000001", "key\t00000001"])
def test_a_missing_or_unusable_key_is_refused(key):
    response = ring(3, key=key)

    assert response.status_code == 400
    assert response.data["errors"][0]["code"] == "idempotency_key_missing"
    assert Code.objects.count() == 0


def test_a_refusal_is_not_remembered_and_leaves_nothing():
    response = ring(101)

    assert response.status_code == 409
    assert response.data["errors"][0]["code"] == "test_too_loud"
    assert response.data["extra"] == {"times": 101}
    assert Code.objects.count() == 0
    assert IdempotencyKey.objects.count() == 0
    assert ring(3).status_code == 201


def test_a_key_belongs_to_its_caller():
    first, second = ring(3, member_id=1), ring(3, member_id=2)

    assert first.data != second.data
    assert Code.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_while_one_is_worked_on_its_twin_is_told_to_wait():
    begun, release = threading.Event(), threading.Event()
    slot = {"caller": "member:1", "endpoint": "/bell", "key": KEY}

    def slow_request():
        with transaction.atomic():
            idempotency.begin(**slot, request_hash="x")
            begun.set()
            release.wait(5)
        connection.close()

    thread = threading.Thread(target=slow_request)
    thread.start()
    assert begun.wait(5)
    response = ring(3)
    release.set()
    thread.join()

    assert response.status_code == 409
    assert response.data["errors"][0]["code"] == "idempotency_in_flight"
    assert Code.objects.count() == 0
    assert ring(3).status_code == 201


def test_answers_are_kept_three_days(now):
    ring(3)
    kept = now + timedelta(hours=72) - timedelta(minutes=1)

    assert idempotency.purge(now=kept) == 0
    assert idempotency.purge(now=now + timedelta(hours=72, minutes=1)) == 1
    assert IdempotencyKey.objects.count() == 0


@pytest.mark.corrupts
def test_the_audit_sees_two_answers_to_one_key(now):
    ring(3)
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE kernel_idempotencykey DROP CONSTRAINT kernel_idempotencykey_once"
        )
    row = IdempotencyKey.objects.get()
    row.pk = None
    row.save(force_insert=True)

    (finding,) = audit.run({"idempotency.one_answer"})

    assert finding.violations == 1
    assert finding.sample[0]["key"] == KEY


@pytest.mark.corrupts
def test_the_audit_sees_a_key_left_in_progress(now):
    ring(3)
    IdempotencyKey.objects.update(body="")

    (finding,) = audit.run({"idempotency.one_answer"})

    assert finding.violations == 1
