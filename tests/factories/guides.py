from collections.abc import Sequence
from datetime import datetime, timedelta

from config.kernel.actors import SYSTEM
from config.kernel.models import User
from guides.models import Binding, Guide, GuideAssignment, PreparedBasket
from guides.services.basket_send import basket_send
from mall.models import Sku
from members.models import Member
from stores.models import Store
from tests.factories.fresh import moment, sequence
from tests.factories.people import make_user
from tests.factories.stores import make_store


def make_guide(
    *,
    store: Store | None = None,
    user: User | None = None,
    member: Member | None = None,
    name: str = "",
    active_from: datetime | None = None,
    active_until: datetime | None = None,
) -> Guide:
    """A guide who has worked at ``store`` for a month."""
    n = sequence()
    store = store or make_store()
    since = active_from or moment() - timedelta(days=30)
    guide = Guide.objects.create(
        no=f"G{n:08d}",
        user=user or make_user(is_staff=True),
        operator=store.operator,
        name=name or f"导购{n}",
        member=member,
        active_from=since,
        active_until=active_until,
    )
    GuideAssignment.objects.create(guide=guide, store=store, since=since, until=active_until)
    return guide


def make_binding(
    *, member: Member, guide: Guide, since: datetime | None = None, until: datetime | None = None
) -> Binding:
    """``guide`` is the member's own guide, since yesterday."""
    return Binding.objects.create(
        member=member,
        guide=guide,
        source="test",
        since=since or moment() - timedelta(days=1),
        until=until,
    )


def make_basket(
    *,
    guide: Guide,
    store: Store,
    lines: Sequence[tuple[Sku, int]],
    member: Member | None = None,
    note: str = "",
    days: int = 3,
    now: datetime | None = None,
) -> PreparedBasket:
    """A basket that ``guide`` sent, to one of their customers or to whoever opens it."""
    return basket_send(
        guide_id=guide.pk,
        store_code=store.code,
        member_id=member.pk if member else None,
        lines=[(sku.code, quantity) for sku, quantity in lines],
        note=note,
        days=days,
        key=f"basket{sequence():08d}",
        actor=SYSTEM,
        now=now or moment(),
    )
