"""The guards of coupons: quota, one use at a time over both channels, budget.

Every guard is one set-based statement: it locks the coupons it changes by ascending primary key,
changes them, writes their events, and touches template counters last, also in ascending order
(lock order: ``config.kernel.locks``). Claiming takes two, because the template's counter is the
hottest row and must be the last thing before commit.

A refusal marks the surrounding transaction for rollback, so half of it can never be committed.
A budget is counted where a template has one; a template without one is never locked by an order.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import events
from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.numbers import new_no
from coupons import guards_statements as statements
from coupons.events import CouponChanged
from coupons.models import Coupon
from coupons.states import Channel

# A coupon that a refund gives back lives at least this long.
RETURNED_LIFE = timedelta(days=30)


class CouponUnavailable(Conflict):
    code = "coupon_unavailable"
    message = _("A coupon is not yours, used, locked by another order or out of its validity.")


class QuotaExhausted(Conflict):
    code = "coupon_sold_out"
    message = _("All coupons of this kind have been claimed.")


class PerMemberLimit(Conflict):
    code = "coupon_limit_reached"
    message = _("You have claimed as many of these coupons as one member may.")


class ClaimClosed(Conflict):
    code = "coupon_claim_closed"
    message = _("This coupon cannot be claimed now.")


class BudgetExhausted(Conflict):
    code = "coupon_budget_exhausted"
    message = _("The budget of this coupon is used up.")


class TemplateUnknown(NotFound):
    code = "coupon_template_unknown"
    message = _("There is no such coupon.")


@dataclass(frozen=True, slots=True)
class ClaimedCoupon:
    pk: int
    no: str
    valid_from: datetime
    valid_until: datetime


Uses = Sequence[tuple[int, int]]
"""(coupon id, discount in fen)."""


def coupon_claim(
    *,
    template_code: str,
    member_id: int,
    now: datetime,
    source_token: str = "",
    public_only: bool = False,
    actor: Actor | None = None,
    before_quota: Callable[[ClaimedCoupon], None] = lambda claimed: None,
) -> ClaimedCoupon:
    """Claim one coupon of the template for the member. Two statements.

    Raises TemplateUnknown (404), ClaimClosed, PerMemberLimit, QuotaExhausted (409).
    ``before_quota`` gets the coupon for what else has to be written: after the quota, which
    everybody waits for, there is only the commit.
    """
    no = new_no("C")
    values = _context(now, "", actor or Actor.member(member_id)) | {
        "code": template_code,
        "member_id": member_id,
        "no": no,
        "source_token": source_token[:32],
        "public_only": public_only,
    }
    with transaction.atomic():
        template_id, valid_until, pk = _claim(values)
        claimed = ClaimedCoupon(pk, no, now, valid_until)
        before_quota(claimed)
        _take_quota(template_id)
    return claimed


def _claim(values: dict[str, Any]) -> tuple[int, datetime, int]:
    while True:
        row = _row(statements.CLAIM, values)
        if row is None:
            raise TemplateUnknown()
        template_id, is_open, is_left, is_allowed, valid_until, pk = row
        if not is_open:
            raise ClaimClosed()
        if not is_allowed:
            raise PerMemberLimit()
        if not is_left:
            raise QuotaExhausted()
        if pk is not None:
            return template_id, valid_until, pk
        # The member claimed another one at this very moment: count again.


def _take_quota(template_id: int) -> None:
    """One of the quota, or QuotaExhausted. The last statement: everybody waits for this row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE coupons_template SET issued = issued + 1 WHERE id = %s AND issued < quota",
            [template_id],
        )
        if cursor.rowcount == 0:
            raise QuotaExhausted()


def coupon_ids(*, nos: Sequence[str]) -> dict[str, int]:
    """Number → primary key, for callers that kept the numbers."""
    return dict(Coupon.objects.filter(no__in=nos).values_list("no", "pk"))


def coupon_lock(
    *,
    uses: Uses,
    member_id: int,
    reference: str,
    now: datetime,
    actor: Actor | None = None,
) -> None:
    """Set the coupons aside for the order ``reference`` and take their discounts off the budget.

    One statement. Raises CouponUnavailable when one of them is not the member's, not usable now
    or not for the mall; BudgetExhausted.
    """
    _apply(statements.LOCK, uses, member_id, reference, Channel.MALL, now, actor)


def coupon_redeem(
    *,
    uses: Uses,
    member_id: int,
    reference: str,
    channel: str,
    now: datetime,
    actor: Actor | None = None,
) -> None:
    """Use the coupons: those locked by ``reference``, or usable ones at once. One statement.

    Raises CouponUnavailable, BudgetExhausted.
    """
    _apply(statements.REDEEM, uses, member_id, reference, channel, now, actor)


def coupon_release(*, reference: str, now: datetime, actor: Actor = SYSTEM) -> int:
    """Give back what the order ``reference`` had locked; returns how many. One statement.

    Validity is what it was: an order that came to nothing prolongs no coupon.
    """
    with transaction.atomic(savepoint=False):
        return _outcome(statements.RELEASE, _context(now, reference, actor))


def coupon_return(*, reference: str, now: datetime, actor: Actor = SYSTEM) -> int:
    """Give back what ``reference`` had used, where the template says so; returns how many.

    One statement. A coupon that comes back lives at least 30 days more. Once: a repeat finds
    nothing to give back.
    """
    with transaction.atomic(savepoint=False):
        values = _context(now, reference, actor) | {"life": now + RETURNED_LIFE}
        return _outcome(statements.RETURN, values)


def coupon_expire(*, now: datetime, limit: int = 1000) -> int:
    """End up to ``limit`` coupons whose time is over; returns how many. One statement.

    Bookkeeping for lists and counts: a coupon past its validity is refused without it.
    """
    with transaction.atomic(savepoint=False):
        row = _row(statements.EXPIRE, _context(now, "", SYSTEM) | {"limit": limit})
    return row[0] if row else 0


def _apply(
    sql: str,
    uses: Uses,
    member_id: int,
    reference: str,
    channel: str,
    now: datetime,
    actor: Actor | None,
) -> None:
    if not uses:
        return
    if len({pk for pk, _amount in uses}) != len(uses):
        raise ValueError("a coupon is used once")
    values = _context(now, reference, actor or Actor.member(member_id)) | {
        "coupons": [pk for pk, _amount in uses],
        "amounts": [amount for _pk, amount in uses],
        "member_id": member_id,
        "channel": str(channel),
    }
    # No savepoint of its own: a refusal rolls back the caller's transaction.
    with transaction.atomic(savepoint=False):
        if _outcome(sql, values) != len(uses):
            raise CouponUnavailable()


def _outcome(sql: str, values: dict[str, Any]) -> int:
    """Run a guard; returns how many coupons it changed. Raises BudgetExhausted."""
    row = _row(sql, values)
    if row is None:
        return 0
    changed, counters, spent = row
    if spent != counters:
        raise BudgetExhausted()
    return changed


def _row(sql: str, values: dict[str, Any]) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return cursor.fetchone()


def _context(now: datetime, reference: str, actor: Actor) -> dict[str, Any]:
    """What every statement needs to write its events."""
    heard = any(CouponChanged.kind in consumer.kinds for consumer in events.consumers.values())
    return {
        "now": now,
        "reference": reference,
        "kind": CouponChanged.kind,
        "subject": CouponChanged.subject_type,
        "actor_kind": actor.kind,
        "actor_id": actor.id,
        "relayed_at": None if heard else now,
    }
