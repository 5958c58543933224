"""The guards of coupons as tests call them, and what they left behind."""

from django.db import transaction

from config.kernel.models import Event
from coupons.guards import coupon_claim, coupon_lock, coupon_redeem
from coupons.models import Redemption, Template


def claim(template, member, now, **more):
    return coupon_claim(template_code=template.code, member_id=member.pk, now=now, **more)


def lock(coupons, member, now, reference="SO1", amount_fen=2_000):
    with transaction.atomic():
        uses = [(c.pk, amount_fen) for c in coupons]
        coupon_lock(uses=uses, member_id=member.pk, reference=reference, now=now)


def redeem(coupons, member, now, reference="SO1", channel="mall", amount_fen=2_000):
    with transaction.atomic():
        uses = [(c.pk, amount_fen) for c in coupons]
        coupon_redeem(uses=uses, member_id=member.pk, reference=reference, channel=channel, now=now)


def history(coupon) -> list[tuple[str, str]]:
    rows = Event.objects.filter(subject_type="coupon", subject_id=coupon.pk).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def untouched(coupon) -> bool:
    """Same row, same events, same counter as before."""
    before = (coupon.state, coupon.locked_by, coupon.valid_until)
    spent = coupon.template.spent_fen
    coupon.refresh_from_db()
    template = Template.objects.get(pk=coupon.template_id)
    return (coupon.state, coupon.locked_by, coupon.valid_until) == before and (
        template.spent_fen == spent and not Redemption.objects.exists()
    )
