"""The second step of the designer: for which goods, where, and for whom."""

from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.conditions import explain
from coupons.states import Channel
from mall.admin.designer_claim import claim_check, claim_fields, claim_read, claim_written
from mall.admin.designer_fields import Lines, StepForm
from mall.discount_draft_values import TEMPLATE
from mall.earning import TILL
from mall.models import Brand, Category, Product, Sku
from mall.scopes import FORM_FACTS, LABELS, scope_read, scope_written
from mall.states import OrderChannel
from members.models import Tag, Tier
from stores.models import Store

MODES = [("", _("any")), ("in", _("one of these")), ("not_in", _("none of these"))]


class WhereForm(StepForm):
    """A scope of clauses: for each fact any, one of, or none of some values."""

    any_goods = forms.BooleanField(
        label=_("Goods that meet one of the choices above are enough"), required=False
    )
    keep_scope = forms.BooleanField(label=_("Keep the rule as it is"), required=False)
    keep_claim = forms.BooleanField(label=_("Keep who may have one as it is"), required=False)
    channels = forms.MultipleChoiceField(
        label=_("channels"), choices=Channel.choices, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        self._choices: dict[str, list[tuple[str, Any]]] = {}
        self._scope_kept = kwargs["values"].get("scope") or {}
        self.read = scope_read(self._scope_kept)
        self._claim_kept = kwargs["values"].get("claim_for") or {}
        self.claim = claim_read(self._claim_kept)
        self.claim_names: tuple[str, ...] = ()
        super().__init__(data, **kwargs)
        for fact in FORM_FACTS:
            self.fields[f"{fact}_mode"] = forms.ChoiceField(
                label=LABELS[fact], choices=MODES, required=False
            )
            self.fields[fact] = self._values_field(fact)
        if self.kind == TEMPLATE:
            self.claim_names = tuple(more := claim_fields(self._choices_of, self.claim or {}))
            self.fields.update(more)
            self.fields["other_operators"] = forms.BooleanField(
                label=_("stores of other operators take it"), required=False
            )
        else:
            self.fields["channels"].help_text = _(
                "Stores: at the desk, and at tills that ask for promotions of the mall."
            )
        if self.read is not None:
            del self.fields["keep_scope"]
        if self.kind != TEMPLATE or self.claim is not None:
            del self.fields["keep_claim"]
        if data is None:
            self.initial = self.shown()

    @property
    def kept_words(self) -> str:
        """The rule that this form cannot say, in words."""
        return "" if self.read is not None else explain(self._scope_kept)

    @property
    def kept_claim_words(self) -> str:
        """Who may have one, in words, where these fields cannot say it."""
        return "" if self.claim is not None else explain(self._claim_kept)

    @property
    def claims(self) -> list[Any]:
        """The fields about who may have one, bound; none for a promotion."""
        return [self[name] for name in self.claim_names]

    @property
    def facts(self) -> list[tuple[Any, Any]]:
        """(mode, values) of each fact, as bound fields."""
        return [(self[f"{fact}_mode"], self[fact]) for fact in FORM_FACTS]

    def _choices_of(self, fact: str) -> list[tuple[str, Any]]:
        if fact not in self._choices:
            found: list[tuple[str, Any]] = []
            if fact == "channel":
                found = [*OrderChannel.choices, (TILL, _("till"))]
            elif fact == "store":
                operator_id = self.values.get("operator") or 0
                rows = Store.objects.filter(operator_id=operator_id, archived_at=None)
                found = [(s.code, s.name) for s in rows.order_by("code")]
            elif fact == "tags":
                # The group's, and those of whoever gives the discount.
                own = Q(operator_id=self.values.get("operator") or 0)
                tags = Tag.objects.filter(Q(operator=None) | own, archived_at=None)
                found = [(t.code, t.name) for t in tags.order_by("code")]
            else:
                model: Any = {"category": Category, "brand": Brand, "tier": Tier}[fact]
                order = "growth_from" if fact == "tier" else "code"
                rows = model.objects.order_by(order)
                if fact != "tier":
                    rows = rows.filter(archived_at=None)
                found = [(r.code, r.name) for r in rows]
            self._choices[fact] = found
        return self._choices[fact]

    def _values_field(self, fact: str) -> forms.Field:
        label = LABELS[fact]
        if fact in ("product", "sku", "price_level"):
            return Lines(label=label, required=False)
        if fact == "first_order":
            return forms.MultipleChoiceField(
                label=label,
                choices=[("1", _("has bought nothing yet"))],
                required=False,
                widget=forms.CheckboxSelectMultiple,
            )
        known = self._choices_of(fact)
        said = {str(v) for c in (self.read or ([],))[0] if c["fact"] == fact for v in c["value"]}
        # What was taken out of use since stays as it was said.
        gone = [(code, code) for code in sorted(said - {code for code, _name in known})]
        return forms.MultipleChoiceField(
            label=label,
            choices=[*known, *gone],
            required=False,
            # With one line only, browsers draw it like a menu.
            widget=forms.SelectMultiple(attrs={"size": max(min(len(known) + len(gone), 8), 2)}),
        )

    def shown(self) -> dict[str, Any]:
        clauses, any_goods = self.read or ([], False)
        found: dict[str, Any] = {
            "any_goods": any_goods,
            "keep_scope": self.read is None,
            "channels": self.values.get("channels")
            or ([c.value for c in Channel] if self.kind == TEMPLATE else [Channel.MALL.value]),
            "other_operators": self.values.get("other_operators", False),
            "keep_claim": self.claim is None,
            **(self.claim or {}),
        }
        for clause in clauses:
            found[clause["fact"]] = [str(value) for value in clause["value"]]
            found[f"{clause['fact']}_mode"] = clause["op"]
        return found

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for fact in FORM_FACTS:
            mode, values = data.get(f"{fact}_mode"), data.get(fact)
            if mode and not values and fact not in self.errors:
                self.add_error(fact, _("Choose at least one."))
            elif values and not mode and fact not in self.errors:
                data[f"{fact}_mode"] = "in"
        if not data.get("keep_claim"):
            claim_check(self, data)
        for fact, model in (("product", Product), ("sku", Sku)):
            codes = data.get(fact) or []
            known: Any = model._default_manager.filter(code__in=codes) if codes else None
            missing = set(codes) - set(known.values_list("code", flat=True)) if codes else set()
            if missing:
                self.add_error(fact, _("Not known: {codes}.").format(codes=", ".join(missing)))
        return data

    def said(self) -> dict[str, Any]:
        data = self.cleaned_data
        clauses = [
            {
                "fact": fact,
                "op": data[f"{fact}_mode"],
                "value": [int(v) for v in data[fact]] if fact == "first_order" else data[fact],
            }
            for fact in FORM_FACTS
            if data.get(f"{fact}_mode")
        ]
        scope = scope_written(clauses, any_goods=data.get("any_goods", False))
        found = {
            "scope": self._scope_kept if data.get("keep_scope") else scope,
            "channels": data["channels"],
        }
        if self.kind == TEMPLATE:
            found["other_operators"] = data["other_operators"]
            kept = data.get("keep_claim")
            found["claim_for"] = self._claim_kept if kept else claim_written(data)
        return found
