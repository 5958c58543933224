"""A coupon given to a friend: offered by link, accepted, taken back, or nobody came.

Whoever ends a gift moves its row first, by compare-and-set, and the coupon after it: of two
friends one gets it, and a giver who takes it back as somebody accepts learns who was first.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Count, Max, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.codes import code_issue, code_resolve
from config.kernel.errors import Conflict, IllegalTransition, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.states import compare_and_set
from coupons.events import CouponChanged, CouponGiftChanged
from coupons.guards import CouponUnavailable, PerMemberLimit
from coupons.models import Coupon, CouponGift
from coupons.states import COUPON_MACHINE, CouponState
from members.states import GIFT_MACHINE, GiftState

PURPOSE = "coupon_gift"


class CouponNotGiftable(Conflict):
    code = "coupon_not_giftable"
    message = _("This coupon cannot be given away.")


class CouponGiftEnded(Conflict):
    """Somebody has it already, its giver took it back, or its time is over."""

    code = "coupon_gift_ended"
    message = _("This gift is no longer there.")


class CouponGiftOwn(Conflict):
    code = "coupon_gift_own"
    message = _("This coupon is your own gift: take it back instead.")


def coupon_gift_offer(
    *, coupon_no: str, member_id: int, greeting: str = "", actor: Actor, now: datetime
) -> CouponGift:
    """``member_id`` offers their coupon to whoever opens the link with the gift's token, for the
    days of its template. It cannot be used meanwhile. What was used before, or was a gift itself,
    is not given.

    Raises NotFound, CouponNotGiftable.
    """
    with transaction.atomic():
        coupon = (
            Coupon.objects.select_related("template").filter(no=coupon_no, member_id=member_id)
        ).first()
        if coupon is None:
            raise NotFound()
        days = coupon.template.gift_days
        whole = coupon.state == CouponState.CLAIMED and coupon.given_by_id is None
        live = coupon.valid_until > now and coupon.template.use_stopped_at is None
        if not (days and whole and live):
            raise CouponNotGiftable()
        try:
            coupon_transition(coupon=coupon, to_state=CouponState.OFFERED, actor=actor, now=now)
        except Conflict:
            raise CouponNotGiftable() from None
        code = code_issue(purpose=PURPOSE, owner_type="coupon", owner_id=coupon.pk, now=now)
        gift = CouponGift.objects.create(
            no=new_no("GC"),
            coupon=coupon,
            giver_id=member_id,
            token=code.token,
            greeting=greeting[:80],
            state=GiftState.OFFERED,
            offered_at=now,
            expires_at=min(now + timedelta(days=days), coupon.valid_until),
        )
        event = CouponGiftChanged(
            subject_id=gift.pk, to_state=GiftState.OFFERED, coupon_id=coupon.pk
        )
        record([event], actor=actor, now=now)
    return gift


def coupon_gift_accept(*, token: str, member_id: int, actor: Actor, now: datetime) -> Coupon:
    """The coupon of the gift is ``member_id``'s. It counts for their limit, and still for the
    giver's, who could else hand out any number.

    Raises CodeInvalid (404), CouponGiftOwn, CouponGiftEnded, PerMemberLimit, CouponUnavailable.
    """
    with transaction.atomic():
        code = code_resolve(token=token, now=now, purpose=PURPOSE)
        gift = CouponGift.objects.get(token=code.token)
        if gift.giver_id == member_id:
            raise CouponGiftOwn()
        if gift.expires_at <= now:
            raise CouponGiftEnded()
        coupon_gift_transition(
            gift=gift, to_state=GiftState.ACCEPTED, actor=actor, now=now, taker_id=member_id
        )
        coupon = Coupon.objects.select_related("template").get(pk=gift.coupon_id)
        if coupon.template.use_stopped_at is not None:
            raise CouponUnavailable()
        _hand_over(coupon, gift.giver_id, member_id, actor, now)
    return coupon


def coupon_gift_take_back(
    *, gift_no: str, member_id: int, actor: Actor, now: datetime
) -> CouponGift:
    """The giver keeps the coupon after all. Raises NotFound, CouponGiftEnded."""
    with transaction.atomic():
        gift = CouponGift.objects.filter(no=gift_no, giver_id=member_id).first()
        if gift is None:
            raise NotFound()
        return _give_back(gift, GiftState.TAKEN_BACK, actor, now)


def coupon_gifts_expire(*, actor: Actor, now: datetime, limit: int = 200) -> int:
    """End up to ``limit`` gifts whose time is over; their coupons are their givers' again. Each
    is a transaction of its own. Returns how many ended."""
    due = CouponGift.objects.filter(state=GiftState.OFFERED, expires_at__lte=now)
    ended = 0
    for gift in due.order_by("expires_at", "pk")[:limit]:
        try:
            with transaction.atomic():
                _give_back(gift, GiftState.EXPIRED, actor, now)
                ended += 1
        except CouponGiftEnded:
            continue
    return ended


def coupon_gift_transition(
    *, gift: CouponGift, to_state: str, actor: Actor, now: datetime, **fields: Any
) -> None:
    """Move ``gift`` on by compare-and-set and write the event. Raises CouponGiftEnded when it has
    moved already."""
    try:
        from_state, _to = compare_and_set(gift, GIFT_MACHINE, to_state, ended_at=now, **fields)
    except (Conflict, IllegalTransition):
        raise CouponGiftEnded() from None
    event = CouponGiftChanged(
        subject_id=gift.pk, from_state=from_state, to_state=to_state, coupon_id=gift.coupon_id
    )
    record([event], actor=actor, now=now)


def coupon_transition(
    *,
    coupon: Coupon,
    to_state: str,
    actor: Actor,
    now: datetime,
    reference: str = "",
    **fields: Any,
) -> None:
    """Move a coupon into or out of a gift, or revoke it, and write the event; everything else
    that moves coupons is a guard. Raises Conflict, IllegalTransition."""
    from_state, _to = compare_and_set(coupon, COUPON_MACHINE, to_state, **fields)
    event = CouponChanged(
        subject_id=coupon.pk,
        from_state=from_state,
        to_state=to_state,
        member_id=coupon.member_id,
        template_id=coupon.template_id,
        reference=reference,
    )
    record([event], actor=actor, now=now)


def _give_back(gift: CouponGift, to_state: str, actor: Actor, now: datetime) -> CouponGift:
    coupon_gift_transition(gift=gift, to_state=to_state, actor=actor, now=now)
    coupon = Coupon.objects.get(pk=gift.coupon_id)
    coupon_transition(coupon=coupon, to_state=CouponState.CLAIMED, actor=actor, now=now)
    return gift


def _hand_over(coupon: Coupon, giver_id: int, taker_id: int, actor: Actor, now: datetime) -> None:
    while True:
        # One statement: what a claim adds between a count and a number would be in one of them.
        theirs = Coupon.objects.filter(
            Q(member_id=taker_id) | Q(given_by_id=taker_id), template_id=coupon.template_id
        ).aggregate(had=Count("pk"), last=Max("nth", filter=Q(member_id=taker_id)))
        if theirs["had"] >= coupon.template.per_member:
            raise PerMemberLimit()
        # Those given away have left the numbers, and count.
        last = max(theirs["had"], theirs["last"] or 0)
        try:
            with transaction.atomic():
                coupon_transition(
                    coupon=coupon,
                    to_state=CouponState.CLAIMED,
                    actor=actor,
                    now=now,
                    member_id=taker_id,
                    given_by_id=giver_id,
                    nth=last + 1,
                )
            return
        except IntegrityError:
            # They claimed one at this very moment: count again.
            continue
