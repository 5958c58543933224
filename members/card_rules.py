"""Rules of stored value: the body of a "cards" policy. Pure.

The defaults are what the law says; a version may be stricter with the house, never laxer than the
law. Sources: 单用途商业预付卡管理办法 (商务部令2012-9), 法释〔2025〕4号.
"""

from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.policies import PolicyInvalid
from members.cards import NAMED_LIMIT_FEN, UNNAMED_LIMIT_FEN
from members.states import Consume, PayerKind, PayWay
from stores.states import OperatorKind

# art. 26: part of the last quarter's prepaid balance that is kept in custody, by class of issuer.
CUSTODY_BP = {"scale": 2_000, "group": 3_000, "brand": 4_000}
# art. 6, 26: which class of issuer an operator of a kind is, unless counsel says otherwise.
CUSTODY_CLASS: dict[str, str] = {
    OperatorKind.DIRECT: "group",
    OperatorKind.BRAND: "brand",
    OperatorKind.FRANCHISE: "scale",
}
REFUND_BONUS = ("proportional", "withdraw")
IDENTITY = ("phone", "register")
ALERTS = {
    "dormant_days": 365,
    "cards_per_source": 5,
    "cards_per_member": 10,
    "spends_per_hour": 10,
    "topups_per_day": 5,
    "refund_hours": 24,
}


class CardPolicyUnlawful(PolicyInvalid):
    code = "card_policy_unlawful"
    message = _("The law does not allow this: {problem}")


# name → (least, most) that the law leaves to the house; None: no bound.
_BOUNDS: dict[str, tuple[int, int | None]] = {
    "named_limit_fen": (1, NAMED_LIMIT_FEN),
    "unnamed_limit_fen": (1, UNNAMED_LIMIT_FEN),
    "unnamed_valid_days": (1_096, None),
    "refund_days": (7, None),
    "identity_unnamed_from_fen": (1, 1_000_000),
    "transfer_from_company_fen": (1, 500_000),
    "transfer_from_person_fen": (1, 5_000_000),
    "cash_refund_most_fen": (0, 10_000),
    "gift_days": (1, None),
    "reactivation_days": (1, None),
}
_CHOICES: dict[str, tuple[str, ...]] = {
    "consume": tuple(Consume.values),
    "refund_bonus": REFUND_BONUS,
    "identity_named": IDENTITY,
}


@dataclass(frozen=True, slots=True)
class CardRules:
    """Limits of a card's value in fen; days; how bonus is consumed and what refunds do to it.

    ``identity_named``: who may hold a named card, a member with a bound phone ("phone": mobile
    numbers are registered by name) or one in the register of identities ("register").
    ``custody_class``: kind of operator → class of issuer, whose share of what was owed when the
    quarter began is kept in custody (``custody_bp``): a brand's issuer, one that issues for its
    group, or any other of the scale that the rules are for.
    """

    named_limit_fen: int = NAMED_LIMIT_FEN
    unnamed_limit_fen: int = UNNAMED_LIMIT_FEN
    unnamed_valid_days: int = 1_096
    consume: str = Consume.PROPORTIONAL
    refund_days: int = 7
    refund_bonus: str = "proportional"
    identity_named: str = "phone"
    identity_unnamed_from_fen: int = 1_000_000
    transfer_from_company_fen: int = 500_000
    transfer_from_person_fen: int = 5_000_000
    cash_refund_most_fen: int = 10_000
    gift_days: int = 3
    reactivation_days: int = 365
    custody_bp: dict[str, int] = field(default_factory=lambda: dict(CUSTODY_BP))
    custody_class: dict[str, str] = field(default_factory=lambda: dict(CUSTODY_CLASS))
    alerts: dict[str, int] = field(default_factory=lambda: dict(ALERTS))

    @classmethod
    def read(cls, body: Any) -> "CardRules":
        """From the body of a policy, version 1; what it does not name stays as the law says.

        Raises PolicyInvalid for what cannot be understood, CardPolicyUnlawful for what exceeds
        the law.
        """
        if not isinstance(body, dict) or body.get("v") != 1:
            raise PolicyInvalid(problem='it must be an object with "v": 1')
        values = {name: value for name, value in body.items() if name != "v"}
        unknown = set(values) - {f.name for f in fields(cls)}
        if unknown:
            raise PolicyInvalid(problem=f"nobody knows {', '.join(sorted(unknown))}")
        for name, value in values.items():
            if name in _CHOICES and value not in _CHOICES[name]:
                raise PolicyInvalid(problem=f"{name} is one of {', '.join(_CHOICES[name])}")
            if name in _BOUNDS:
                _bounded(name, value, *_BOUNDS[name])
        for name, least in (("custody_bp", CUSTODY_BP), ("alerts", dict.fromkeys(ALERTS, 1))):
            if name in values:
                values[name] = _figures(name, values[name], least)
        if "custody_class" in values:
            _classes(values["custody_class"])
        values["custody_class"] = CUSTODY_CLASS | values.get("custody_class", {})
        values["alerts"] = ALERTS | values.get("alerts", {})
        values["custody_bp"] = CUSTODY_BP | values.get("custody_bp", {})
        return cls(**values)

    def limit_fen(self, *, named: bool) -> int:
        """What a card may hold, in fen."""
        return self.named_limit_fen if named else self.unnamed_limit_fen

    def expires_at(
        self, *, named: bool, valid_days: int | None, sold_at: datetime
    ) -> datetime | None:
        """When a card that was sold then expires: a named one never (art. 19)."""
        if named:
            return None
        return sold_at + timedelta(days=max(valid_days or 0, self.unnamed_valid_days))

    def custody_share_bp(self, operator_kind: str) -> int:
        """Which share of the prepaid balance an issuer of this kind keeps in custody."""
        return self.custody_bp[self.custody_class[operator_kind]]

    def payable_by(self, *, way: str, payer: str, amount_fen: int) -> bool:
        """Whether so much may be paid like this: a company from ¥5,000 and a person from ¥50,000
        pay by transfer, never in cash (art. 17)."""
        if way != PayWay.CASH:
            return True
        company = payer == PayerKind.COMPANY
        most = self.transfer_from_company_fen if company else self.transfer_from_person_fen
        return amount_fen < most

    def identity_needed(self, *, named: bool, amount_fen: int) -> bool:
        """Whether the buyer must be known: always for named cards, top-ups included, and for
        unnamed ones from ¥10,000 at once (art. 15)."""
        return named or amount_fen >= self.identity_unnamed_from_fen


def rules_validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless ``body`` is a lawful "cards" policy."""
    CardRules.read(body)


def _bounded(name: str, value: Any, least: int, most: int | None) -> None:
    if type(value) is not int or value < 0:
        raise PolicyInvalid(problem=f"{name} is a whole number")
    if value < least:
        raise CardPolicyUnlawful(problem=f"{name} is {least} at least")
    if most is not None and value > most:
        raise CardPolicyUnlawful(problem=f"{name} is {most} at most")


def _classes(value: Any) -> None:
    if not isinstance(value, dict) or set(value) - set(OperatorKind.values):
        raise PolicyInvalid(problem=f"custody_class maps {', '.join(OperatorKind.values)}")
    for kind, named in value.items():
        if named not in CUSTODY_BP:
            raise PolicyInvalid(problem=f"custody_class.{kind} is one of {', '.join(CUSTODY_BP)}")


def _figures(name: str, value: Any, least: dict[str, int]) -> dict[str, int]:
    if not isinstance(value, dict) or set(value) - set(least):
        raise PolicyInvalid(problem=f"{name} is an object of {', '.join(least)}")
    for key, figure in value.items():
        _bounded(f"{name}.{key}", figure, least[key], 10_000 if name == "custody_bp" else None)
    return value
