from datetime import datetime, timedelta

from config.kernel.models import User
from guides.models import Binding, Guide, GuideAssignment
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
