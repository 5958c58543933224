"""A commission entry in words: where every fen of it comes from."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from config.kernel.clock import SHANGHAI
from config.kernel.conditions import explain
from config.kernel.money import BASIS_POINTS, yuan
from guides.attribution import targets
from guides.models import Attribution, CommissionEntry
from guides.policies import DEFAULT_RULE
from guides.states import GuideRole


def percent(basis_points: int) -> str:
    """``350`` → ``3.5%``."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") + "%"


def local(moment: datetime | str) -> str:
    """A moment, or its ISO text, as the wall clock in China shows it."""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return value.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


def target_fen(entry: CommissionEntry) -> int:
    """What the guide was to have of the line after ``entry``, in fen."""
    attribution = entry.attribution
    rest = BASIS_POINTS - attribution.basis_points
    if attribution.role == GuideRole.OPENING:
        return targets(entry.pot_fen, [attribution.basis_points, rest])[0]
    return targets(entry.pot_fen, [rest, attribution.basis_points])[1]


def explain_entry(entry: CommissionEntry) -> list[str]:
    """Sentences of the active language: base, rate, share, why this guide, what was booked.

    Reads nothing but ``entry`` with its attribution, line, order, policy and plan, so select
    those; the evidence was frozen with the attribution.
    """
    attribution = entry.attribution
    return [
        _base(entry),
        _rate(entry),
        _share(entry, attribution),
        *_evidence(attribution),
        _difference(entry),
        _maturity(attribution),
    ]


def _base(entry: CommissionEntry) -> str:
    line = entry.attribution.line
    given_back = line.net_fen - entry.base_fen
    if not given_back:
        return _("Base: {quantity} × {title}, paid {net}.").format(
            quantity=line.quantity, title=line.title, net=yuan(line.net_fen)
        )
    return _(
        "Base: {quantity} × {title}, paid {net} less {given_back} given back = {base}."
    ).format(
        quantity=line.quantity,
        title=line.title,
        net=yuan(line.net_fen),
        given_back=yuan(given_back),
        base=yuan(entry.base_fen),
    )


def _rate(entry: CommissionEntry) -> str:
    attribution = entry.attribution
    rule = attribution.evidence.get("rule", DEFAULT_RULE)
    when = (
        _("its normal rate")
        if rule == DEFAULT_RULE
        else explain(attribution.plan.body["rules"][rule]["when"])
    )
    return _(
        "Rate: {rate} by commission plan version {version} ({when}): "
        "{base} × {rate} = {pot}, half a fen rounded up."
    ).format(
        rate=percent(attribution.rate_bp),
        version=attribution.plan.version,
        when=when,
        base=yuan(entry.base_fen),
        pot=yuan(entry.pot_fen),
    )


def _share(entry: CommissionEntry, attribution: Attribution) -> str:
    target = yuan(target_fen(entry))
    if attribution.basis_points == BASIS_POINTS:
        return _("Share: you alone, the whole pot of {target}.").format(target=target)
    return _(
        "Share: {share} as {role} by attribution policy version {version}: {target} of {pot}; "
        "the odd fen goes to the larger remainder."
    ).format(
        share=percent(attribution.basis_points),
        role=attribution.get_role_display(),
        version=attribution.policy.version,
        target=target,
        pot=yuan(entry.pot_fen),
    )


def _evidence(attribution: Attribution) -> list[str]:
    evidence: dict[str, Any] = attribution.evidence
    found = []
    if "touch" in evidence:
        words = (
            _(
                "Why: on {at} the customer ordered the basket {token} that you prepared, "
                "within {days} days before paying on {paid}."
            )
            if "basket" in evidence
            else _(
                "Why: the customer opened your code {token} for product {product} on {at}, "
                "within {days} days before paying on {paid}."
            )
            if evidence.get("product")
            else _(
                "Why: the customer opened your code {token} on {at}, "
                "within {days} days before paying on {paid}."
            )
        )
        found.append(
            words.format(
                token=evidence["token"],
                product=evidence.get("product"),
                at=local(evidence["touched_at"]),
                days=attribution.policy.body["window_days"],
                paid=local(attribution.frozen_at),
            )
        )
    if "binding" in evidence:
        found.append(
            _("Why: the customer has been yours since {since}, so also on {paid}.").format(
                since=local(evidence["bound_since"]), paid=local(attribution.frozen_at)
            )
        )
    return found


def _difference(entry: CommissionEntry) -> str:
    before = target_fen(entry) - entry.amount_fen
    if not before:
        return _("Booked: {amount}.").format(amount=yuan(entry.amount_fen))
    return _("Booked: {target} less {before} booked before = {amount}.").format(
        target=yuan(target_fen(entry)), before=yuan(before), amount=yuan(entry.amount_fen)
    )


def _maturity(attribution: Attribution) -> str:
    days = attribution.plan.body["maturity_days"]
    return _("It matures {days} days after the after-sale time of the order is over.").format(
        days=days
    )
