"""The dashboard: what apps have to say about today, within what one person may see.

Apps register panels in ``ready()``; a panel is one function from a :class:`Scope` to items, for
one or two statements. The kernel knows neither stores nor orders: ``stores`` says what a person
may see (:func:`visibility`), ``mall`` which channels there are (:func:`channels`).
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from config.kernel.clock import day_start
from config.kernel.money import yuan

DAYS = 30


@dataclass(frozen=True, slots=True)
class StoreChoice:
    pk: int
    name: str
    operator_id: int
    operator: str


@dataclass(frozen=True, slots=True)
class Visible:
    """What a person may see: ``everything``, or the rows of ``stores`` and nothing else.

    ``where(permission)`` is the part of it in which that permission holds; without it, all.
    """

    everything: bool
    stores: Sequence[StoreChoice]
    where: Callable[[str], "Visible"] | None = None

    def narrow(self, scope: "Scope", permission: str) -> "Scope | None":
        """``scope`` as far as ``permission`` holds in it; None where it holds nowhere."""
        part = self.where(permission) if self.where is not None else self
        if part.everything:
            return scope
        held = {store.pk for store in part.stores}
        if not held:
            return None
        store_ids = [pk for pk in scope.store_ids if pk in held]
        return replace(scope, store_ids=store_ids, everything=False)


@dataclass(frozen=True, slots=True)
class Scope:
    """What the figures are about. ``everything``: the whole group, what belongs to no store too.

    ``channel`` is empty for all. Windows are pairs of moments, both ends included: today until
    ``now``, and the same part of yesterday and of the same weekday last week.
    """

    store_ids: Sequence[int]
    everything: bool
    channel: str
    now: datetime

    @property
    def today(self) -> tuple[datetime, datetime]:
        return day_start(self.now), self.now

    def before(self, days: int) -> tuple[datetime, datetime]:
        start, end = self.today
        return start - timedelta(days=days), end - timedelta(days=days)

    @property
    def windows(self) -> dict[str, tuple[datetime, datetime]]:
        return {"today": self.today, "yesterday": self.before(1), "week": self.before(7)}

    @property
    def month_start(self) -> datetime:
        """The first moment of the last thirty days, today being the last of them."""
        return self.today[0] - timedelta(days=DAYS - 1)


@dataclass(frozen=True, kw_only=True)
class Item:
    """Whoever lacks ``permission`` does not get it."""

    code: str
    label: Any
    permission: str
    link: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure(Item):
    """A number of today beside the same of yesterday and a week ago; None: no such number.

    ``unit`` is "fen" or "" for a count.
    """

    today: int
    yesterday: int | None = None
    week: int | None = None
    unit: str = ""
    note: Any = ""

    def text(self, value: int) -> str:
        return yuan(value) if self.unit == "fen" else f"{value:,}"

    @property
    def value(self) -> str:
        return self.text(self.today)

    @property
    def comparisons(self) -> list[tuple[str, str, str]]:
        """(which, its value, how much today is above it in percent) for each that is known."""
        known = {"yesterday": self.yesterday, "week": self.week}
        return [
            (name, self.text(before), percent_change(self.today, before))
            for name, before in known.items()
            if before is not None
        ]


@dataclass(frozen=True, kw_only=True)
class Alert(Item):
    """Something that wants somebody: shown when ``count`` is above zero."""

    count: int
    danger: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    name: Any
    values: Sequence[int]
    kind: str = "bar"
    second_axis: bool = False
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class Chart(Item):
    """``labels`` along one axis, a value of each series for each of them."""

    labels: Sequence[str]
    series: Sequence[Series]
    horizontal: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "label": str(self.label),
            "labels": list(self.labels),
            "horizontal": self.horizontal,
            "series": [
                {
                    "name": str(s.name),
                    "values": list(s.values),
                    "kind": s.kind,
                    "second": s.second_axis,
                    "unit": s.unit,
                }
                for s in self.series
            ],
        }


@dataclass(frozen=True, kw_only=True)
class Ranking(Item):
    """A short table, best first; cells are texts for people."""

    heads: Sequence[Any]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Panel:
    """``read`` runs where the person has at least one of ``permissions``: those of its items."""

    code: str
    position: int
    permissions: frozenset[str]
    read: Callable[[Scope], Iterable[Item]]


@dataclass
class Dashboard:
    """What one person gets to see, in the order of the panels."""

    figures: list[Figure] = field(default_factory=list)
    alerts: list[Alert] = field(default_factory=list)
    charts: list[Chart] = field(default_factory=list)
    rankings: list[Ranking] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not (self.figures or self.charts or self.rankings)


_panels: dict[str, Panel] = {}
_visibility: list[Callable[[Any], Visible]] = []
_channels: list[tuple[str, Any]] = []


def panel(
    code: str, *permissions: str, position: int, read: Callable[[Scope], Iterable[Item]]
) -> None:
    _panels[code] = Panel(code, position, frozenset(permissions), read)


def visibility(read: Callable[[Any], Visible]) -> None:
    """``read(user)`` says what a person may see. One app knows; without it nobody sees a thing."""
    _visibility[:] = [read]


def channels(choices: Sequence[tuple[str, Any]]) -> None:
    _channels[:] = choices


def channel_choices() -> list[tuple[str, Any]]:
    return list(_channels)


def visible_to(user: Any) -> Visible:
    return _visibility[0](user) if _visibility else Visible(False, ())


def dashboard_read(*, user: Any, visible: Visible, scope: Scope) -> Dashboard:
    """Every panel that ``user`` may see, each item within the part of ``scope`` in which they may
    see it. A panel is read once for each such part: once for whoever has one assignment."""
    found = Dashboard()
    lists: dict[type[Item], list[Any]] = {
        Figure: found.figures,
        Alert: found.alerts,
        Chart: found.charts,
        Ranking: found.rankings,
    }
    for one in sorted(_panels.values(), key=lambda p: p.position):
        for permissions, part in _parts(one, user, visible, scope):
            for item in one.read(part):
                if item.permission in permissions:
                    lists[type(item)].append(item)
    found.alerts = [alert for alert in found.alerts if alert.count]
    return found


def _parts(one: Panel, user: Any, visible: Visible, scope: Scope) -> list[tuple[list[str], Scope]]:
    """The permissions of a panel that ``user`` holds, by where in ``scope`` they hold."""
    parts: list[tuple[list[str], Scope]] = []
    for permission in sorted(one.permissions):
        part = visible.narrow(scope, permission) if user.has_perm(permission) else None
        if part is None:
            continue
        same = next((permissions for permissions, known in parts if known == part), None)
        if same is None:
            parts.append(([permission], part))
        else:
            same.append(permission)
    return parts


def percent_change(now: int, before: int) -> str:
    """ "+12.3 %"; empty when there is nothing to compare with. Rounded towards zero."""
    if before <= 0:
        return ""
    tenths = abs(now - before) * 1000 // before  # not money: a percentage
    sign = "+" if now > before else "−" if now < before else "±"
    return f"{sign}{tenths // 10:,}.{tenths % 10} %"  # not money: a percentage
