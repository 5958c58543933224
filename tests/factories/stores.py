from decimal import Decimal

from config.kernel.actors import SYSTEM
from stores.models import Operator, Region, Store, Terminal
from stores.services.terminal_create import terminal_create
from stores.states import TerminalScope
from tests.factories.fresh import moment, sequence

HOURS = {day: ["00:00", "24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}


def make_operator(
    *, code: str = "", name: str = "", kind: str = "direct", mchid: str = "1900000001"
) -> Operator:
    n = sequence()
    return Operator.objects.create(
        code=code or f"op{n}", name=name or f"运营公司{n}", kind=kind, mchid=mchid
    )


def make_region(*, adcode: str = "", name: str = "上海市", level: int = 1) -> Region:
    return Region.objects.create(adcode=adcode or f"31{sequence():04d}", name=name, level=level)


def make_store(
    *,
    operator: Operator | None = None,
    code: str = "",
    name: str = "",
    kind: str = "shop",
    latitude: str | None = "31.230400",
    longitude: str | None = "121.473700",
    hours: dict | None = None,
    pickup_enabled: bool = True,
    region: Region | None = None,
) -> Store:
    """A shop in Shanghai that is open around the clock."""
    n = sequence()
    return Store.objects.create(
        operator=operator or make_operator(),
        code=code or f"st{n}",
        name=name or f"门店{n}",
        kind=kind,
        address=f"南京东路{n}号",
        latitude=None if latitude is None else Decimal(latitude),
        longitude=None if longitude is None else Decimal(longitude),
        hours=HOURS if hours is None else hours,
        pickup_enabled=pickup_enabled,
        region=region,
    )


def make_terminal(
    *, store: Store | None = None, scopes: list[str] | None = None
) -> tuple[Terminal, str]:
    """A terminal that may do everything, and its key."""
    return terminal_create(
        store_id=(store or make_store()).pk,
        name=f"收银台{sequence()}",
        scopes=TerminalScope.values if scopes is None else scopes,
        actor=SYSTEM,
        now=moment(),
    )
