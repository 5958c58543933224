"""Who is credited with a line, and how much: pure decisions and arithmetic.

No ORM, no clock, no I/O, so that a draft policy can be tried on past orders.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from config.kernel.money import BASIS_POINTS, allocate, share_half_up
from guides.states import GuideRole


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """A policy of kind ``attribution``, read. ``shares`` maps a role to its basis points."""

    window: timedelta
    shares: Mapping[str, int]
    cross_operator: bool = False
    bind_on_touch: bool = True


class Sale(NamedTuple):
    """A paid line, as far as attribution looks at it. ``paid_at`` is the moment it is judged."""

    line_id: int
    line_kind: str
    order_id: int
    paid_at: datetime
    member_id: int
    member_user_id: int
    operator_id: int
    operator_code: str
    store_code: str
    sku_code: str | None
    product_code: str | None
    category_id: int | None
    brand_code: str | None
    # The code of the prepared basket that the order was made of, if any.
    basket_token: str = ""


class Claimant(NamedTuple):
    """A guide, as far as it decides whether a claim of theirs counts."""

    guide_id: int
    operator_id: int
    member_id: int | None
    user_id: int
    active_from: datetime
    active_until: datetime | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A guide's touch of, or binding with, a member, with what decides whether it counts.

    ``since`` is the moment of the touch or the start of the binding; ``until`` ends a binding.
    ``evidence`` is what is kept with the attribution.
    """

    guide: Claimant
    since: datetime
    until: datetime | None = None
    product_code: str = ""
    token: str = ""
    evidence: Mapping[str, Any] = field(default_factory=dict)


class Share(NamedTuple):
    role: str
    guide_id: int
    basis_points: int
    evidence: dict[str, Any]


def counts(claim: Claim, sale: Sale, rules: AttributionRules) -> bool:
    """The guide was active when the order was paid, in scope, and is not the buyer."""
    guide = claim.guide
    active = guide.active_from <= sale.paid_at and (
        guide.active_until is None or guide.active_until > sale.paid_at
    )
    in_scope = rules.cross_operator or guide.operator_id == sale.operator_id
    is_buyer = guide.member_id == sale.member_id or guide.user_id == sale.member_user_id
    return active and in_scope and not is_buyer


def opening_claim(sale: Sale, touches: Sequence[Claim], rules: AttributionRules) -> Claim | None:
    """The latest touch in the window before payment; one of the product itself goes first, and
    before it that of the basket which a guide prepared and the order was made of.

    ``touches`` are the member's, latest first.
    """
    earliest = sale.paid_at - rules.window
    valid = [
        touch
        for touch in touches
        if earliest <= touch.since <= sale.paid_at and counts(touch, sale, rules)
    ]
    if sale.basket_token:
        for touch in valid:
            if touch.token == sale.basket_token:
                evidence = {**touch.evidence, "basket": touch.token}
                return replace(touch, evidence=evidence)
    found = None
    for touch in valid:
        if touch.product_code and touch.product_code == sale.product_code:
            return touch
        found = found or touch
    return found


def serving_claim(sale: Sale, bindings: Sequence[Claim], rules: AttributionRules) -> Claim | None:
    """The binding that was live when the order was paid."""
    for binding in bindings:
        live = binding.since <= sale.paid_at and (
            binding.until is None or binding.until > sale.paid_at
        )
        if live and counts(binding, sale, rules):
            return binding
    return None


def shares(
    sale: Sale, touches: Sequence[Claim], bindings: Sequence[Claim], rules: AttributionRules
) -> list[Share]:
    """The shares of one line's pot: none, or basis points that add up to 10,000.

    One level only: whoever recruited a guide is not asked for, so cannot earn
    (禁止传销条例 art. 7).
    """
    opening = opening_claim(sale, touches, rules)
    serving = serving_claim(sale, bindings, rules)
    if opening is None and serving is None:
        return []
    if opening is None or serving is None or opening.guide.guide_id == serving.guide.guide_id:
        role = GuideRole.OPENING if opening else GuideRole.SERVING
        known = [claim for claim in (serving, opening) if claim is not None]
        evidence = {key: value for claim in known for key, value in claim.evidence.items()}
        return [Share(role, known[0].guide.guide_id, BASIS_POINTS, evidence)]
    both = [(GuideRole.OPENING, opening), (GuideRole.SERVING, serving)]
    return [
        Share(role, claim.guide.guide_id, rules.shares[role], dict(claim.evidence))
        for role, claim in both
        if rules.shares[role]
    ]


def pot_fen(base_fen: int, rate_bp: int) -> int:
    """The commission of a line in fen: half a fen rounds up."""
    return share_half_up(base_fen, rate_bp)


def targets(pot: int, basis_points: Sequence[int]) -> list[int]:
    """What each share of the pot comes to, in fen; ``basis_points`` in the order of roles."""
    return allocate(pot, basis_points)
