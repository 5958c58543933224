"""Who stands at a desk with coupons: by the member's code, or by the number of one coupon."""

import re
from dataclasses import dataclass
from datetime import datetime

from config.kernel.errors import NotFound
from config.kernel.numbers import MISREAD
from coupons.models import Coupon
from coupons.selectors import CouponRule
from coupons.selectors_tickets import coupon_used_where
from mall.services.coupon_why import coupon_why
from mall.services.pos_quote import store_coupons
from mall.services.pos_till import Till
from mall.services.quote import CouponNotApplicable
from members.guards_code import member_code_use
from members.models import Member
from members.services.visit_find import visit_find

# Numbers of coupons carry 80 random bits: whoever shows one has been given it.
_COUPON = re.compile(r"C[0-9A-HJKMNP-TV-Z]{16}")


class CouponUnknown(NotFound):
    code = "coupon_unknown"


@dataclass(frozen=True, slots=True)
class CouponCounter:
    """A member at a desk, by ``visit`` or by the coupon that is ``shown``: one of them. ``coupons``
    are those that this store takes, the one that ends first first; of ``shown``, it alone."""

    visit: str
    shown: str
    member: Member
    coupons: list[CouponRule]


def coupon_no_read(text: str) -> str:
    """What was scanned or typed as the number of a coupon; empty for what cannot be one."""
    plain = "".join(text.replace("-", " ").split()).upper().translate(MISREAD)
    return plain if _COUPON.fullmatch(plain) else ""


def redemption_scan(*, till: Till, text: str, now: datetime) -> CouponCounter:
    """Read what is held before the camera: a member's code, which is used up by it, or a coupon's.

    Raises MemberCodeInvalid, MemberCodeUsed; of a coupon's number CouponUnknown, CouponUsed,
    CouponNotApplicable.
    """
    shown = coupon_no_read(text)
    if shown:
        return redemption_counter(till=till, shown=shown, now=now)
    opened = member_code_use(scanned=text, by=till.name, now=now)
    return redemption_counter(till=till, visit=opened.visit, now=now)


def redemption_counter(
    *, till: Till, visit: str = "", shown: str = "", now: datetime
) -> CouponCounter:
    """As they stand there at ``now``; nothing is written. Raises VisitOver; for ``shown``
    CouponUnknown, CouponUsed, CouponNotApplicable."""
    member_id = (
        coupon_owner(shown=shown) if shown else visit_find(visit=visit, by=till.name, now=now)
    )
    coupons = store_coupons(till=till, member_id=member_id, now=now)
    if shown:
        coupons = [rule for rule in coupons if rule.no == shown]
        if not coupons:
            _refuse(shown, member_id, now)
    member = Member.objects.select_related("tier").get(pk=member_id)
    return CouponCounter(visit, shown, member, coupons)


def coupon_owner(*, shown: str) -> int:
    """The id of the member whose coupon has the number ``shown``. Raises CouponUnknown."""
    found = Coupon.objects.filter(no=shown, member__archived_at__isnull=True)
    member_id = found.values_list("member_id", flat=True).first()
    if member_id is None:
        raise CouponUnknown()
    return member_id


def _refuse(no: str, member_id: int, now: datetime) -> None:
    """Say why the store does not take the coupon. Raises CouponUsed, CouponNotApplicable."""
    coupon_used_where(no=no, member_id=member_id)
    why = coupon_why(no=no, member_id=member_id, now=now)
    raise CouponNotApplicable(coupon=no, reason=why)
