"""The rules of cards, points and tiers as forms."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from config.kernel.admin import PercentField, PolicyForm, YuanField, policy_form
from members.card_rules import ALERTS, CUSTODY_BP, CardRules
from members.cards import NAMED_LIMIT_FEN, UNNAMED_LIMIT_FEN
from members.growth import MOST_DAYS, MOST_GROWTH
from members.models import Tier
from members.points_rules import LEAST_DAYS_AFTER_RETURN, PointsRules
from members.selectors_tiers import KIND as TIERS
from members.states import Consume
from stores.states import OperatorKind


def _days(label: Any, help_text: Any = "", *, least: int = 1, required: bool = True):
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=MOST_DAYS,
        required=required,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=help_text or _("days"),
    )


def _choice(label: Any, choices: Any, help_text: Any = ""):
    return forms.ChoiceField(
        label=label, choices=choices, widget=UnfoldAdminSelectWidget(), help_text=help_text
    )


def _switch(label: Any, help_text: Any = ""):
    return forms.BooleanField(
        label=label, required=False, widget=UnfoldBooleanSwitchWidget(), help_text=help_text
    )


class CardPolicyForm(PolicyForm):
    """Bounds are those of the law, which ``CardRules.read`` checks once more."""

    policy_kind = "cards"
    keys = frozenset({"v", *CardRules.__dataclass_fields__})

    named_limit_fen = YuanField(
        label=_("limit of a named card"),
        most_fen=NAMED_LIMIT_FEN,
        help_text=_("yuan, at most 5,000 (预付卡管理办法)"),
    )
    unnamed_limit_fen = YuanField(
        label=_("limit of an unnamed card"),
        most_fen=UNNAMED_LIMIT_FEN,
        help_text=_("yuan, at most 1,000 (预付卡管理办法)"),
    )
    unnamed_valid_days = _days(
        _("unnamed cards are valid for"),
        _("days, at least 1,096: three years (预付卡管理办法 art. 19); named cards never expire"),
        least=1_096,
    )
    consume = _choice(_("a spend takes"), Consume.choices)
    refund_days = _days(
        _("principal can be taken back within"),
        _("days, at least 7 (法释〔2025〕4号)"),
        least=7,
    )
    refund_bonus = _choice(
        _("bonus of a card that is taken back"),
        [
            ("proportional", _("shrinks with the principal that was spent")),
            ("withdraw", _("is withdrawn, spent bonus is charged")),
        ],
    )
    identity_named = _choice(
        _("who may hold a named card"),
        [
            ("phone", _("a member with a bound phone")),
            ("register", _("a member in the register of identities")),
        ],
        _("mobile numbers are registered by name (预付卡管理办法 art. 15)"),
    )
    identity_unnamed_from_fen = YuanField(
        label=_("identity is recorded for unnamed cards from"),
        most_fen=1_000_000,
        help_text=_("yuan at once, at most 10,000 (预付卡管理办法 art. 15)"),
    )
    transfer_from_company_fen = YuanField(
        label=_("a company pays by transfer from"),
        most_fen=500_000,
        help_text=_("yuan at once, at most 5,000 (预付卡管理办法 art. 17)"),
    )
    transfer_from_person_fen = YuanField(
        label=_("a person pays by transfer from"),
        most_fen=5_000_000,
        help_text=_("yuan at once, at most 50,000 (预付卡管理办法 art. 17)"),
    )
    cash_refund_most_fen = YuanField(
        label=_("cash back at most"),
        most_fen=10_000,
        help_text=_("yuan, at most 100 (预付卡管理办法)"),
    )
    gift_days = _days(_("a gift can be accepted for"))
    reactivation_days = _days(_("a card that is reactivated is valid for"))

    def grow(self) -> None:
        classes = {
            "scale": _("any other issuer of the scale"),
            "group": _("issuer for its group"),
            "brand": _("issuer for its brand"),
        }
        for name, least in CUSTODY_BP.items():
            self.fields[f"custody_bp_{name}"] = PercentField(
                label=_("kept in custody: {issuer}").format(issuer=classes[name]),
                least_bp=least,
                help_text=_(
                    "% of the principal owed when the quarter began (预付卡管理办法 art. 26)"
                ),
            )
        for kind, label in OperatorKind.choices:
            self.fields[f"custody_class_{kind}"] = _choice(
                _("class of a {kind} operator").format(kind=label), list(classes.items())
            )
        alerts = {
            "dormant_days": _("alert: not used for days"),
            "cards_per_source": _("alert: cards bought from one device"),
            "cards_per_member": _("alert: cards of one member"),
            "spends_per_hour": _("alert: spends of a card per hour"),
            "topups_per_day": _("alert: top-ups of a card per day"),
            "refund_hours": _("alert: taken back within hours of a top-up"),
        }
        for name in ALERTS:
            self.fields[f"alerts_{name}"] = forms.IntegerField(
                label=alerts[name],
                min_value=1,
                max_value=MOST_DAYS,
                widget=UnfoldAdminIntegerFieldWidget(),
            )

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in asdict(CardRules.read(dict(body) or {"v": 1})).items():
            if isinstance(value, dict):
                found |= {f"{name}_{key}": each for key, each in value.items()}
            else:
                found[name] = value
        return found

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        body: dict[str, Any] = {"v": 1}
        for name, value in asdict(CardRules()).items():
            if isinstance(value, dict):
                body[name] = {key: data[f"{name}_{key}"] for key in value}
            else:
                body[name] = data[name]
        return body


class PointsPolicyForm(PolicyForm):
    policy_kind = "points"
    keys = frozenset(
        {
            "v",
            "fen_per_point",
            "lot_days",
            "min_days_after_return",
            "expiry",
            "rules",
            "exclude_card_bonus",
            "tender",
        }
    )

    fen_per_point = YuanField(
        label=_("one point for each"), help_text=_("yuan paid, at the normal rate")
    )
    exclude_card_bonus = _switch(
        _("no points on bonus"), _("What a card's bonus paid earns nothing.")
    )
    expiry = _choice(
        _("points end"),
        [
            ("year_end", _("at the end of a year")),
            ("days", _("some days after the purchase")),
            ("never", _("never")),
        ],
    )
    expiry_length = forms.IntegerField(
        label=_("after"),
        min_value=0,
        max_value=MOST_DAYS,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("years after the purchase's (0: its own), or days; empty for never"),
    )
    min_days_after_return = _days(
        _("points given back live at least"),
        _("days, at least 30"),
        least=LEAST_DAYS_AFTER_RETURN,
    )
    rules = forms.JSONField(
        label=_("special rates"),
        required=False,
        initial=list,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 8}),
        help_text=_(
            'JSON: a list of {"when": condition, "rate_bp": basis points up to 100000}; the first'
            " whose condition holds for a line counts, 10000 is the normal rate"
        ),
    )
    tender = _switch(_("points pay orders"))
    tender_fen_per_point = YuanField(label=_("a point pays"), required=False, help_text=_("yuan"))
    tender_max_share_bp = PercentField(
        label=_("points pay at most"), required=False, least_bp=1, help_text=_("% of an order")
    )
    tender_step_points = forms.IntegerField(
        label=_("in steps of"),
        min_value=1,
        required=False,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("points"),
    )

    _TENDER = ("fen_per_point", "max_share_bp", "step_points")

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        if not body:
            return {
                "min_days_after_return": LEAST_DAYS_AFTER_RETURN,
                "exclude_card_bonus": True,
                "expiry": "year_end",
                "expiry_length": 1,
                "rules": [],
            }
        rules = PointsRules.read(dict(body))
        found: dict[str, Any] = {
            "fen_per_point": rules.fen_per_point,
            "exclude_card_bonus": rules.exclude_card_bonus,
            "expiry": rules.expiry,
            "expiry_length": None if rules.expiry == "never" else rules.expiry_length,
            "min_days_after_return": max(rules.min_days_after_return, LEAST_DAYS_AFTER_RETURN),
            "rules": body.get("rules", []),
            "tender": rules.tender is not None,
        }
        tender = body.get("tender") or {}
        return found | {f"tender_{name}": tender.get(name) for name in self._TENDER}

    def clean(self) -> dict[str, Any]:
        data = self.cleaned_data
        kind = data.get("expiry")
        length_missing = data.get("expiry_length") is None and "expiry_length" not in self.errors
        if kind in ("days", "year_end") and length_missing:
            self.add_error("expiry_length", _("Say how long."))
        if data.get("tender"):
            for name in self._TENDER:
                if f"tender_{name}" not in self.errors and not data.get(f"tender_{name}"):
                    self.add_error(f"tender_{name}", _("Needed where points pay orders."))
        return super().clean()

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        expiry: dict[str, Any] = {"kind": data["expiry"]}
        if data["expiry"] == "days":
            expiry["days"] = data["expiry_length"]
        elif data["expiry"] == "year_end":
            expiry["years"] = data["expiry_length"]
        body = {
            "v": 2,
            "fen_per_point": data["fen_per_point"],
            "expiry": expiry,
            "rules": data["rules"] or [],
            "exclude_card_bonus": data["exclude_card_bonus"],
            "min_days_after_return": data["min_days_after_return"],
        }
        if data["tender"]:
            # What a tender says beyond these fields stays.
            before = self.base.get("tender") or {}
            body["tender"] = {**before, **{x: data[f"tender_{x}"] for x in self._TENDER}}
        return body


class TierPolicyForm(PolicyForm):
    """Three fields for each tier there is; a tier without growth is not in the rules."""

    policy_kind = TIERS
    keys = frozenset(
        {
            "v",
            "fen_per_growth",
            "window_days",
            "period_days",
            "grace_days",
            "exclude_card_bonus",
            "tiers",
        }
    )

    fen_per_growth = YuanField(label=_("one of growth for each"), help_text=_("yuan paid"))
    exclude_card_bonus = _switch(
        _("no growth on bonus"), _("What a card's bonus paid counts nothing.")
    )
    window_days = _days(_("growth counts for"), _("days; empty: for ever"), required=False)
    period_days = _days(_("a tier is kept for"))
    grace_days = _days(_("and after that for"), _("days of grace"), least=0)

    _LISTS = ("upgrade_coupons", "birthday_coupons")

    def grow(self) -> None:
        self.tiers = list(Tier.objects.order_by("growth_from", "pk").values_list("code", "name"))
        for code, name in self.tiers:
            self.fields[f"{code}_growth_from"] = forms.IntegerField(
                label=_("{tier}: growth from").format(tier=name),
                min_value=0,
                max_value=MOST_GROWTH,
                required=False,
                widget=UnfoldAdminIntegerFieldWidget(),
                help_text=_("empty: the tier is not in these rules"),
            )
            self.fields[f"{code}_price_level"] = _words(
                _("{tier}: list of prices").format(tier=name), _("empty: the normal prices")
            )
            self.fields[f"{code}_upgrade_coupons"] = _words(
                _("{tier}: coupons on reaching it").format(tier=name), _CODES
            )
            self.fields[f"{code}_birthday_coupons"] = _words(
                _("{tier}: coupons for birthdays").format(tier=name), _CODES
            )

    def _before(self) -> dict[str, dict[str, Any]]:
        return {tier["code"]: tier for tier in self.base.get("tiers", [])}

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found = {name: body[name] for name in self.keys - {"v", "tiers"} if name in body}
        found.setdefault("exclude_card_bonus", True)
        for code, tier in self._before().items():
            for name in ("growth_from", "price_level"):
                found[f"{code}_{name}"] = tier.get(name)
            for name in self._LISTS:
                found[f"{code}_{name}"] = " ".join(tier.get(name, []))
        return found

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        before = self._before()
        tiers = []
        for code, _name in self.tiers:
            if data[f"{code}_growth_from"] is None:
                continue
            # What a tier says beyond these fields stays.
            tier = {
                **before.get(code, {}),
                "code": code,
                "growth_from": data[f"{code}_growth_from"],
                "price_level": data[f"{code}_price_level"].strip(),
            }
            for name in self._LISTS:
                tier[name] = data[f"{code}_{name}"].split()
            tiers.append(tier)
        tiers.sort(key=lambda tier: tier["growth_from"])
        names = self.keys - {"v", "tiers"}
        return {"v": 1, **{name: data[name] for name in sorted(names)}, "tiers": tiers}


_CODES = _("codes of templates, separated by spaces")


def _words(label: Any, help_text: Any):
    return forms.CharField(
        label=label,
        max_length=400,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=help_text,
    )


policy_form(CardPolicyForm, _("New rules of cards"))
policy_form(PointsPolicyForm, _("New rules of points"))
policy_form(TierPolicyForm, _("New rules of tiers"))
