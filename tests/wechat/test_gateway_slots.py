"""The bounded share of threads that may wait on WeChat, and no waiting inside a transaction."""

import threading
import time

import pytest
from django.db import transaction

from config.kernel.wechat import errors, pay
from config.kernel.wechat.slots import NetworkInTransaction, gateway_slot
from config.sandbox.wechat.accounts import MCHID


def _hold(release: threading.Event) -> threading.Thread:
    """Another thread that holds one slot until ``release``."""
    taken = threading.Event()

    def run() -> None:
        with gateway_slot():
            taken.set()
            release.wait(5)

    thread = threading.Thread(target=run)
    thread.start()
    assert taken.wait(5)
    return thread


def test_no_free_slot_refuses_at_once_and_a_freed_one_serves(wechat, settings, prepay):
    number = prepay()
    settings.GATEWAY_SLOTS = 1
    release = threading.Event()
    holder = _hold(release)

    started = time.monotonic()
    with pytest.raises(errors.GatewayBusy) as busy:
        pay.gateway(MCHID).query(number)
    waited = time.monotonic() - started
    release.set()
    holder.join()

    assert (busy.value.code, busy.value.status) == ("gateway_busy", 503)
    assert waited < 0.5
    assert pay.gateway(MCHID).query(number).state == "NOTPAY"


def test_a_slot_held_around_several_calls_counts_once(wechat, settings, prepay):
    number = prepay()
    settings.GATEWAY_SLOTS = 1

    with gateway_slot():
        assert pay.gateway(MCHID).query(number).state == "NOTPAY"
        assert pay.gateway(MCHID).query(number).state == "NOTPAY"


def test_a_slot_is_given_back_when_the_call_fails(wechat, settings):
    settings.GATEWAY_SLOTS = 1

    for _ in range(3):
        with pytest.raises(errors.GatewayOrderMissing):
            pay.gateway(MCHID).query("NEVER-CREATED")


@pytest.mark.django_db
def test_a_call_inside_a_transaction_is_a_mistake(wechat):
    with transaction.atomic(), pytest.raises(NetworkInTransaction):
        pay.gateway(MCHID).query("NEVER-CREATED")
    with transaction.atomic(), transaction.atomic(), pytest.raises(NetworkInTransaction):
        pay.gateway(MCHID).query("NEVER-CREATED")

    # the transaction that wraps this test is not ours
    with pytest.raises(errors.GatewayOrderMissing):
        pay.gateway(MCHID).query("NEVER-CREATED")
