"""The guards of coupons: quota, one use at a time over both channels, budget.

Every guard is one set-based statement: it locks the coupons it changes by ascending primary key,
changes them, writes their events, and touches template counters last, also in ascending order
(lock order: ``config.kernel.locks``). Claiming takes two, because the template's counter is the
hottest row and must be the last thing before commit.

A refusal marks the surrounding transaction for rollback, so half of it can never be committed.
A budget is counted where a template has one; a template without one is never locked by an order.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import conditions, events
from config.kernel.actors import SYSTEM, Actor
from config.kernel.clock import day_start
from config.kernel.errors import Conflict, NotFound
from config.kernel.numbers import new_no
from coupons import guards_statements as statements
from coupons.claimed import ClaimedCoupon
from coupons.events import CouponChanged
from coupons.member_facts import member_fits
from coupons.models import ClaimSlot, Coupon, Template
from coupons.states import Channel, Source

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


class PerDayLimit(Conflict):
    code = "coupon_limit_today"
    message = _("You have claimed as many of these coupons as one member may on a day.")


class NotForMember(Conflict):
    code = "coupon_not_for_you"
    message = _("This coupon is for others: {rule}.")


class BudgetExhausted(Conflict):
    code = "coupon_budget_exhausted"
    message = _("The budget of this coupon is used up.")


class TemplateUnknown(NotFound):
    code = "coupon_template_unknown"
    message = _("There is no such coupon.")


Uses = Sequence[tuple[int, int]]
"""(coupon id, discount in fen)."""


def coupon_claim(
    *,
    template_code: str,
    member_id: int,
    now: datetime,
    source: str = Source.CLAIM,
    source_token: str = "",
    given_key: str = "",
    public_only: bool = False,
    actor: Actor | None = None,
    judge: Callable[[int], None] | None = None,
    before_quota: Callable[[ClaimedCoupon], None] = lambda claimed: None,
    direct: bool = False,
) -> ClaimedCoupon:
    """Claim one coupon of the template for the member. Two statements, and where the template is
    for some members only, one more per fact that it asks of them.

    ``direct`` promises that the surrounding transaction is this claim and ends with its refusal,
    and that ``before_quota`` waits for nobody: then there is no savepoint, and what is kept ready
    for a rush is taken in the same statement, unless claims of the template are judged.

    Where claims of the template are judged, ``judge(template id)`` is called once the member
    could have the coupon, and raises for who shall not; without it nobody is judged.

    ``given_key`` is what gives it: the same key gives a member one coupon of the template, and is
    refused by the database (IntegrityError) a second time.

    Raises TemplateUnknown (404), ClaimClosed, NotForMember, PerMemberLimit, PerDayLimit,
    QuotaExhausted (409). ``before_quota`` gets the coupon for what else has to be written: after
    the quota, which everybody waits for, there is only the commit.
    """
    no = new_no("C")
    values = event_context(now, "", actor or Actor.member(member_id)) | {
        "code": template_code,
        "member_id": member_id,
        "no": no,
        "source": str(source),
        "source_token": source_token[:32],
        "given_key": given_key,
        "public_only": public_only,
        "today": day_start(now),
        "fits": False,
        "judged": judge is None,
        "at_once": direct,
    }
    with transaction.atomic(savepoint=not direct):
        template_id, rush, valid_until, pk, has_slot = _claim(values, judge)
        claimed = ClaimedCoupon(pk, no, now, valid_until)
        before_quota(claimed)
        if not has_slot:
            _take_quota(template_id, rush)
    return claimed


def _claim(
    values: dict[str, Any], judge: Callable[[int], None] | None
) -> tuple[int, bool, datetime, int, bool]:
    while True:
        row = _row(statements.CLAIM, values)
        if row is None:
            raise TemplateUnknown()
        template_id, is_open, is_left, fits, allowed, today, judged, *rest = row
        rush, rule, until, pk, has_slot = rest
        if not is_open:
            raise ClaimClosed()
        if not fits:
            _fit(values, json.loads(rule))
            continue
        if not allowed:
            raise PerMemberLimit()
        if not today:
            raise PerDayLimit()
        if not is_left:
            raise QuotaExhausted()
        if not judged and judge is not None:
            judge(template_id)
            values["judged"] = True
            continue
        if pk is not None:
            return template_id, rush, until, pk, has_slot
        # The member claimed another one at this very moment: count again.


def _fit(values: dict[str, Any], rule: dict[str, Any]) -> None:
    """Let the member's next attempt pass the template's condition, or raise NotForMember."""
    if not member_fits(member_id=values["member_id"], condition=rule, now=values["now"]):
        raise NotForMember(rule=conditions.explain(rule, conditions.names_in([rule])))
    values["fits"] = True


def _take_quota(template_id: int, rush: bool) -> None:
    """One of the quota, or QuotaExhausted; ClaimClosed when the template has been stopped.

    In a rush one of those that were counted beforehand, which nobody waits for. Else the last
    statement: everybody waits for this row.
    """
    values = {"template_id": template_id}
    with connection.cursor() as cursor:

        def took(sql: str) -> bool:
            cursor.execute(sql, values)
            return cursor.rowcount > 0

        if rush and took(statements.SLOT_FREE):
            return
        if took(statements.COUNT_ONE):
            return
        # It is not sold out while somebody who holds one may yet give it back.
        while ClaimSlot.objects.filter(template_id=template_id).exists():
            if took(statements.SLOT_AWAITED):
                return
            if Template.objects.filter(pk=template_id, stopped_at__isnull=False).exists():
                break
    if Template.objects.filter(pk=template_id, stopped_at__isnull=False).exists():
        raise ClaimClosed()
    raise QuotaExhausted()


def slots_fill(*, template_id: int) -> int:
    """Count so many of the quota as issued beforehand that ``slots_ready`` can be claimed at the
    same moment; returns how many were added. One statement."""
    return _row(statements.SLOTS_FILL, {"template_id": template_id})[0]


def slots_return(*, template_id: int) -> int:
    """Give what was counted beforehand and not claimed back to the quota; returns how many. One
    statement, which waits for the claims that are taking one."""
    return _row(statements.SLOTS_RETURN, {"template_id": template_id})[0]


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
        return _outcome(statements.RELEASE, event_context(now, reference, actor))


def coupon_return(
    *,
    reference: str,
    now: datetime,
    actor: Actor = SYSTEM,
    undo: bool = False,
    emptied: bool = False,
) -> int:
    """Give back what ``reference`` had used, where the template says so, or whatever it says to
    ``undo`` a use that was a mistake; returns how many. ``emptied``: those alone of which
    ``coupon_reduce`` left nothing.

    One statement. A coupon that comes back lives at least 30 days more. Once: a repeat finds
    nothing to give back.
    """
    with transaction.atomic(savepoint=False):
        values = event_context(now, reference, actor) | {
            "life": now + RETURNED_LIFE,
            "undo": undo,
            "emptied": emptied,
        }
        return _outcome(statements.RETURN, values)


def coupon_reduce(*, uses: Uses, reference: str) -> None:
    """Take a part of what the coupons of ``reference`` were worth back, for a part of the sale
    that was returned; their budget gets it. One statement.

    Raises CouponUnavailable where one has less than that left in it.
    """
    values = {
        "coupons": [pk for pk, _amount in uses],
        "amounts": [amount for _pk, amount in uses],
        "reference": reference,
    }
    with transaction.atomic(savepoint=False):
        if uses and _outcome(statements.REDUCE, values) != len(uses):
            raise CouponUnavailable()


def coupon_expire(*, now: datetime, limit: int = 1000) -> int:
    """End up to ``limit`` coupons whose time is over; returns how many. One statement.

    Bookkeeping for lists and counts: a coupon past its validity is refused without it.
    """
    with transaction.atomic(savepoint=False):
        row = _row(statements.EXPIRE, event_context(now, "", SYSTEM) | {"limit": limit})
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
    values = event_context(now, reference, actor or Actor.member(member_id)) | {
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


def event_context(now: datetime, reference: str, actor: Actor) -> dict[str, Any]:
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
