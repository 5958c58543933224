"""What guides do with coupons: they give one of their customers one of theirs to give."""

from datetime import datetime
from functools import partial

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from guides.models import Binding, CouponAllowance
from guides.services.coupon_hand_out import coupon_hand_out
from guides.simulation.agenda import Agenda
from guides.simulation.wallet import share_of

# In thousandths of a day's visits.
_SHARE = 20


def plan(agenda: Agenda, visits: int) -> None:
    """Put on the agenda what guides will give today."""
    for _time in range(share_of(agenda, visits, _SHARE)):
        agenda.at(agenda.in_shop_hours(), partial(_hand_out, agenda))


def _hand_out(agenda: Agenda, now: datetime) -> None:
    rng, world = agenda.rng, agenda.world
    shop = rng.choice(world.shops)
    if not shop.guides:
        return
    guide = rng.choice(shop.guides)
    mine = Binding.objects.filter(guide=guide.pk, until=None).order_by("pk")
    customers = [pk for pk in mine.values_list("member_id", flat=True) if pk in world.member_ids]
    allowances = CouponAllowance.objects.filter(operator=shop.operator_id, archived_at=None)
    allowance = allowances.order_by("pk").values_list("pk", flat=True).first()
    if not customers or allowance is None:
        return
    member_id = rng.choice(customers)
    agenda.tally["handouts"] += 1
    try:
        coupon_hand_out(
            guide_id=guide.pk,
            allowance_id=allowance,
            member_id=member_id,
            key=f"sim-{agenda.day:%y%m%d}-{world.district}-{agenda.tally['handouts']}",
            actor=Actor("user", str(guide.user_id)),
            now=now,
        )
    except DomainError:
        # Their allowance of the month is used up, or the customer has as many as one may have.
        agenda.tally["handouts_refused"] += 1
        return
    world.coupon_holders.add(member_id)
