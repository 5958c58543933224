"""A member types a code and has the coupon it stands for."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from coupons import guards, locks
from coupons.models import CodePool, RedeemCode
from coupons.redeem_codes import code_hash, code_plain
from coupons.states import PoolKind, Source


class RedeemCodeUnknown(NotFound):
    """No code, stopped, or too late: a guesser learns no more than that."""

    code = "coupon_code_unknown"
    message = _("This code is not valid.")


class RedeemCodeUsed(Conflict):
    code = "coupon_code_used"
    message = _("This code has been used.")


def code_redeem(*, typed: str, member_id: int, actor: Actor, now: datetime) -> guards.ClaimedCoupon:
    """One coupon of the code's template, public or not, within its window, quota and limits. A
    code of a unique pool does it once; a refusal leaves it good.

    Raises RedeemCodeUnknown (404), RedeemCodeUsed, ClaimClosed, NotForMember, PerMemberLimit,
    PerDayLimit, QuotaExhausted.
    """
    plain = code_plain(typed)
    if plain is None:
        raise RedeemCodeUnknown()
    with transaction.atomic():
        row = locks.redeem_code_lock(code_hash=code_hash(plain), now=now)
        if row is None:
            return _shared(plain, member_id, actor, now)
        if row.coupon_id is not None:
            raise RedeemCodeUsed()

        def spend(claimed: guards.ClaimedCoupon) -> None:
            RedeemCode.objects.filter(pk=row.pk).update(coupon_id=claimed.pk, used_at=now)

        return guards.coupon_claim(
            template_code=row.pool.template.code,
            member_id=member_id,
            source=Source.CODE,
            source_token=row.pool.no,
            actor=actor,
            now=now,
            before_quota=spend,
        )


def _shared(plain: str, member_id: int, actor: Actor, now: datetime) -> guards.ClaimedCoupon:
    pool = (
        CodePool.objects.select_related("template")
        .filter(kind=PoolKind.SHARED, shared_code=plain, stopped_at__isnull=True)
        .first()
    )
    if pool is None or (pool.valid_until is not None and pool.valid_until <= now):
        raise RedeemCodeUnknown()
    return guards.coupon_claim(
        template_code=pool.template.code,
        member_id=member_id,
        source=Source.CODE,
        source_token=pool.no,
        actor=actor,
        now=now,
    )
