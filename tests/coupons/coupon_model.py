"""What coupons should do, said once more in plain Python: no ORM, none of the code it judges.

Amounts are in fen, shares in basis points. A basket is a list of (price of a piece, pieces).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import combinations

Basket = list[tuple[int, int]]
SHANGHAI = timedelta(hours=8)


@dataclass
class Template:
    pk: int
    code: str
    operator: str
    kind: str
    value: int
    cap: int | None
    threshold: int
    group: str
    channels: tuple[str, ...]
    elsewhere: bool
    quota: int
    per_member: int
    per_day: int | None
    budget: int | None
    keeps: bool
    gift_days: int
    days: int
    public: bool
    ready: int
    claim_from: datetime
    claim_until: datetime
    issued: int = 0
    slots: int = 0
    spent: int = 0
    stopped: bool = False
    use_stopped: bool = False

    def spend(self, fen: int) -> None:
        if self.budget is not None:
            self.spent += fen

    def affords(self, fen: int) -> bool:
        return self.budget is None or fen <= 0 or self.spent + fen <= self.budget

    def take_one(self) -> None:
        """One of the quota: of those kept ready where there are any."""
        if self.slots and (self.ready or self.issued >= self.quota):
            self.slots -= 1
        else:
            self.issued += 1

    def let_slots_go(self) -> None:
        self.issued -= self.slots
        self.slots = 0

    def fill(self, now: datetime) -> int:
        """What a sweep keeps ready now; returns how many it added."""
        if now >= self.claim_until or not self.ready:
            self.let_slots_go()
            return 0
        if self.stopped:
            return 0
        more = min(self.quota - self.issued, self.ready - self.slots)
        self.issued += more
        self.slots += more
        return more


@dataclass
class Use:
    reference: str
    channel: str
    amount: int
    returned: int = 0
    reversed: bool = False


@dataclass
class Coupon:
    pk: int
    no: str
    template: Template
    holder: int
    source: str
    claimed_at: datetime
    until: datetime
    state: str = "claimed"
    giver: int | None = None
    locked_by: str = ""
    locked: int = 0
    uses: list[Use] = field(default_factory=list)

    @property
    def live(self) -> Use | None:
        return next((use for use in self.uses if not use.reversed), None)

    def usable(self, member: int, channel: str, now: datetime) -> bool:
        """Without a lock."""
        return (
            self.holder == member
            and channel in self.template.channels
            and self.state in ("claimed", "returned")
            and not self.template.use_stopped
            and self.claimed_at <= now < self.until
        )

    def lock(self, reference: str, amount: int) -> None:
        self.state, self.locked_by, self.locked = "locked", reference, amount
        self.template.spend(amount)

    def use(self, reference: str, channel: str, amount: int) -> None:
        self.template.spend(amount - self.locked)
        self.state, self.locked_by, self.locked = "used", "", 0
        self.uses.append(Use(reference, channel, amount))

    def release(self) -> None:
        self.template.spend(-self.locked)
        self.state, self.locked_by, self.locked = "returned" if self.uses else "claimed", "", 0

    def reduce(self, amount: int) -> None:
        assert self.live is not None
        self.live.returned += amount
        self.template.spend(-amount)

    def come_back(self, now: datetime) -> None:
        use = self.live
        assert use is not None
        use.reversed = True
        self.template.spend(use.returned - use.amount)
        self.state, self.until = "returned", max(self.until, now + timedelta(days=30))


@dataclass
class Order:
    """Of the mall. ``uses`` are (coupon, fen)."""

    reference: str
    member: int
    uses: list[tuple[Coupon, int]]
    paid: bool = False


@dataclass
class Ticket:
    """Of a store. ``discounts`` is what each coupon takes off each line; ``back`` are the pieces
    of each line that came back, ``given`` what each coupon gave back of each line, ``returns``
    what each return number meant."""

    no: str
    number: str
    till: int
    asked: dict
    basket: Basket
    whole: bool
    discounts: list[tuple[Coupon, list[int]]]
    at: datetime
    state: str = "redeemed"
    back: list[int] = field(default_factory=list)
    returns: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    given: list[list[int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.back = [0] * len(self.basket)
        self.given = [[0] * len(self.basket) for _discount in self.discounts]

    @property
    def discount(self) -> int:
        return sum(sum(parts) for _coupon, parts in self.discounts)

    @property
    def returned_gross(self) -> int:
        return sum(n * unit for n, (unit, _q) in zip(self.back, self.basket, strict=True))

    def come_back(self, place: int, pieces: int) -> list[int]:
        """What each coupon gives back of so many pieces of a line. What all of them keep is rounded
        down; they share the rest by what each has left in the line."""
        _unit, quantity = self.basket[place]
        whole = sum(parts[place] for _coupon, parts in self.discounts)
        before = quantity - self.back[place]
        off = whole * before // quantity - whole * (before - pieces) // quantity
        left = [
            parts[place] - given[place]
            for (_coupon, parts), given in zip(self.discounts, self.given, strict=True)
        ]
        shares = spread(off, left)
        self.back[place] += pieces
        for given, share in zip(self.given, shares, strict=True):
            given[place] += share
        return shares

    @property
    def returned_discount(self) -> int:
        return sum(map(sum, self.given))


@dataclass
class Gift:
    no: str
    token: str
    coupon: Coupon
    giver: int
    expires_at: datetime
    state: str = "offered"
    taker: int | None = None


@dataclass
class Code:
    """``coupons`` is how many it became; a ``shared`` one is anybody's."""

    text: str
    template: Template
    shared: bool = False
    used: bool = False


def spread(total: int, weights: list[int]) -> list[int]:
    """In proportion, but for a fen each: those go to the greatest remainders, the first first."""
    if not total:
        return [0] * len(weights)
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    parts = [part.numerator // part.denominator for part in exact]
    ranks = sorted(range(len(parts)), key=lambda i: (parts[i] - exact[i], i))
    for i in ranks[: total - sum(parts)]:
        parts[i] += 1
    return parts


def discounts(coupons: list[Coupon], basket: Basket) -> list[tuple[Coupon, list[int]]] | None:
    """What each coupon takes off each line; None where one of them cannot be used, or where fewer
    of them would do as well."""
    gross = [unit * pieces for unit, pieces in basket]
    if any(sum(gross) < coupon.template.threshold for coupon in coupons):
        return None
    groups = [coupon.template.group for coupon in coupons]
    if len(set(groups)) < len(groups):
        return None
    found = _together(coupons, gross)
    total = sum(sum(parts) for _coupon, parts in found)
    fewer = (c for n in range(len(coupons)) for c in combinations(coupons, n))
    best = max(sum(sum(parts) for _c, parts in _together(list(some), gross)) for some in fewer)
    return found if total > best else None


def _together(coupons: list[Coupon], gross: list[int]) -> list[tuple[Coupon, list[int]]]:
    # Shares of the whole before sums; then the larger value, then the number.
    ranked = sorted(coupons, key=lambda c: (c.template.kind != "percent", -c.template.value, c.no))
    left, found = list(gross), []
    for coupon in ranked:
        template = coupon.template
        if template.kind == "percent":
            off = sum(gross) * template.value // 10_000
            parts = spread(off if template.cap is None else min(off, template.cap), gross)
            parts = [min(part, have) for part, have in zip(parts, left, strict=True)]
        else:
            parts = spread(min(template.value, sum(left)), left)
        left = [have - part for have, part in zip(left, parts, strict=True)]
        found.append((coupon, parts))
    return found
