"""Ten members for each coupon, from 32 connections, every fourth of them tapping twice: the rush of
``tests.bench.rush`` in small."""

import threading
import time
from collections import Counter
from dataclasses import dataclass
from queue import Empty, SimpleQueue

import pytest
from django.db import connection, connections, transaction
from django.db.utils import OperationalError

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from coupons import guards_statements as statements
from coupons.guards import PerMemberLimit, QuotaExhausted
from coupons.models import ClaimSlot, Coupon
from coupons.services.coupon_claim import coupon_claim
from coupons.services.slots_keep import slots_keep
from tests.factories import make_member, make_template

pytestmark = pytest.mark.django_db(transaction=True)
CONNECTIONS, MEMBERS, COUPONS = 32, 120, 12


@dataclass(frozen=True)
class Told:
    began: float
    ended: float
    refusal: type[DomainError] | None


def claim(template, member_id, now):
    with transaction.atomic():
        return coupon_claim(
            template_code=template.code,
            member_id=member_id,
            source_token="",
            actor=Actor.member(member_id),
            now=now,
        )


def rush(template, members, now) -> list[Told]:
    """Everybody once, every fourth twice, in turn, from many connections; what each was told."""
    queue: SimpleQueue[int] = SimpleQueue()
    for n, member in enumerate(members):
        for _tap in range(1 + (n % 4 == 0)):
            queue.put(member.pk)
    start, told, wrong = threading.Barrier(CONNECTIONS), [], []

    def work() -> None:
        try:
            connection.ensure_connection()
            start.wait(timeout=60)
            while True:
                member_id, refusal, began = queue.get_nowait(), None, time.monotonic()
                try:
                    claim(template, member_id, now)
                except DomainError as error:
                    refusal = type(error)
                told.append(Told(began, time.monotonic(), refusal))
        except Empty:
            pass
        except Exception as error:
            wrong.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _n in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
        assert not thread.is_alive(), "a thread hangs: two calls wait for each other"
    assert wrong == []
    return told


@pytest.mark.parametrize("ready", [COUPONS, COUPONS // 2, 0])
def test_a_rush_gives_out_what_there_is_and_says_sold_out_only_then(now, ready):
    """Whether all of them are kept ready, half, or none."""
    template = make_template(quota=COUPONS, slots_ready=ready, per_member=1)
    slots_keep(now=now)

    told = rush(template, [make_member() for _n in range(MEMBERS)], now)

    how = Counter(t.refusal for t in told)
    assert how.keys() <= {None, QuotaExhausted, PerMemberLimit}
    assert how[None] == COUPONS
    assert len(told) == MEMBERS + MEMBERS // 4
    assert Coupon.objects.values("member").distinct().count() == Coupon.objects.count() == COUPONS
    template.refresh_from_db()
    assert (template.issued, ClaimSlot.objects.count()) == (COUPONS, 0)
    # Who came after somebody had been told "sold out" had none.
    first = min(t.ended for t in told if t.refusal is QuotaExhausted)
    assert [t for t in told if t.refusal is None and t.began > first] == []


@pytest.mark.corrupts
def test_rush_control_a_slot_that_is_looked_at_and_not_taken_is_given_again(now, monkeypatch):
    took, looks = (
        "DELETE FROM coupons_claimslot WHERE id",
        "SELECT id FROM coupons_claimslot WHERE id",
    )
    looked = statements.CLAIM.replace(took, looks).replace(
        "SKIP LOCKED)\n  RETURNING id", "SKIP LOCKED)"
    )
    assert looked != statements.CLAIM
    monkeypatch.setattr(statements, "CLAIM", looked)
    template = make_template(quota=COUPONS, slots_ready=COUPONS, per_member=1)
    slots_keep(now=now)

    told = rush(template, [make_member() for _n in range(40)], now)

    assert Counter(t.refusal for t in told)[None] > COUPONS


def beside_a_claim_that_lasts(template, now) -> None:
    """Claim for somebody else while a claim is not committed yet; at most a second long."""
    waiting, over = threading.Event(), threading.Event()
    errors: list[Exception] = []

    def last() -> None:
        try:
            with transaction.atomic():
                claim(template, members[0].pk, now)
                waiting.set()
                over.wait(timeout=30)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    members = [make_member(), make_member()]
    thread = threading.Thread(target=last)
    thread.start()
    try:
        assert waiting.wait(timeout=30)
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '1s'")
            claim(template, members[1].pk, now)
    finally:
        over.set()
        thread.join(timeout=30)
    assert errors == []


def test_no_claim_of_a_rush_waits_for_another(now):
    template = make_template(quota=2, slots_ready=2)
    slots_keep(now=now)

    beside_a_claim_that_lasts(template, now)

    assert Coupon.objects.count() == 2


def test_waiting_control_without_anything_kept_ready_claims_take_turns(now):
    with pytest.raises(OperationalError, match="lock timeout"):
        beside_a_claim_that_lasts(make_template(quota=2), now)

    assert Coupon.objects.count() == 1
