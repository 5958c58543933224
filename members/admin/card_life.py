"""What becomes of cards: gifts, money paid back, alerts; the register of who bought."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminDateWidget, UnfoldAdminTextInputWidget

from config.kernel import clock
from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ReasonForm,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
    related,
)
from config.kernel.money import yuan
from members.models import (
    Card,
    CardAlert,
    CardGift,
    CardIdentity,
    CardPayback,
    CardPaybackLine,
    Member,
)
from members.services.card_alerts import card_alert_settle
from members.services.card_identity import card_identity_reveal
from members.services.card_payout_approval import card_payout_approval
from members.states import PaybackState, PayWay
from stores.admin.approvals import approvals_of, said
from stores.admin.scope import StaffScoped


class _OfCard(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("card__operator",)
    ordering = ["-id"]


@admin.register(CardGift)
class CardGiftAdmin(_OfCard):
    # Whoever holds it can accept the gift.
    hidden = ("token",)
    list_display = [
        "no",
        "card",
        "giver",
        "taker",
        "state",
        "value_fen",
        "offered_at",
        "expires_at",
        "ended_at",
    ]
    list_select_related = ["card", "giver", "taker"]
    list_filter = ["state", ("card__operator", ScopedRelatedFilter)]
    search_fields = ["no", "card__no", "giver__phone", "taker__phone"]
    date_hierarchy = "offered_at"

    def timeline_subjects(self, row):
        return [("card_gift", row.pk)]


class PaybackLineInline(ReadOnlyInline):
    model = CardPaybackLine
    fields = [
        "reference",
        "way",
        "amount_fen",
        "withdrawn_fen",
        "charged_fen",
        "returned_fen",
        "state",
        "paid_on",
        "paid_reference",
    ]
    show_change_link = True
    ordering = ["id"]


@admin.register(CardPayback)
class CardPaybackAdmin(_OfCard):
    list_display = [
        "no",
        "card",
        "member",
        "amount_fen",
        "withdrawn_fen",
        "charged_fen",
        "returned_fen",
        "reason",
        "created_at",
    ]
    list_select_related = ["card", "member"]
    list_filter = ["lines__state", "lines__way", ("card__operator", ScopedRelatedFilter)]
    search_fields = ["no", "card__no", "member__phone", "lines__reference__exact"]
    date_hierarchy = "created_at"
    inlines = [PaybackLineInline]

    def timeline_subjects(self, row):
        lines = row.lines.values_list("pk", flat=True)
        return [("card", row.card_id), *(("card_payback_line", pk) for pk in lines)]


class ReceiptForm(ReasonForm):
    """What the bank or the till says of a payment."""

    paid_on = forms.DateField(label=_("date of payment"), widget=UnfoldAdminDateWidget())
    reference = forms.CharField(
        label=_("reference of the payment"),
        max_length=64,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("number of the bank transfer, or of the cash receipt"),
    )
    field_order = ["paid_on", "reference", "reason"]

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, initial={"paid_on": clock.local_date(clock.now())})


class PaidForm(ReceiptForm):
    """Shows who is paid. The row is the line of the payback."""

    of_row = True

    def __init__(self, data: Any = None, *, row: CardPaybackLine) -> None:
        super().__init__(data)
        member = row.payback.member
        known = member.card_identities.filter(replaced_at__isnull=True).first()
        self.preview = [
            _now("{amount} by {way} to {name}, member {member}").format(
                amount=yuan(row.amount_fen),
                way=row.get_way_display(),
                name=_now("nobody on record") if known is None else known.masked,
                member=member.no,
            )
        ]


def _paid(command: Command) -> str | None:
    return said(
        card_payout_approval(
            line_id=command.row.pk,
            reference=command.data["reference"],
            paid_on=command.data["paid_on"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


@admin.register(CardPaybackLine)
class CardPaybackLineAdmin(StaffScoped, ReadOnlyAdmin):
    """What finance works off: parts of closed cards that wait for a transfer, or for cash."""

    operator_paths = ("payback__card__operator",)
    list_display = [
        "payback",
        "card_no",
        "member_no",
        "reference",
        "way",
        "state",
        "amount_fen",
        "returned_fen",
        "paid_on",
        "paid_reference",
        "paid_by",
        "paid_at",
    ]
    list_select_related = ["payback__card", "payback__member", "paid_by"]
    list_filter = [
        "state",
        "way",
        ("payback__card__operator", ScopedRelatedFilter),
        ("paid_at", admin.DateFieldListFilter),
    ]
    search_fields = [
        "payback__no__exact",
        "payback__card__no",
        "payback__member__phone",
        "reference__exact",
        "paid_reference__exact",
    ]
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "paid",
            _("Has been paid"),
            _paid,
            form=PaidForm,
            sensitive=True,
            allowed=lambda row: row.state == PaybackState.WAITING and row.way != PayWay.SOURCE,
            explanation=_("You have paid it, to the person on record."),
        )
    ]

    @admin.display(description=_("card"), ordering="payback__card__no")
    def card_no(self, row: CardPaybackLine) -> str:
        return row.payback.card.no

    @admin.display(description=_("member"), ordering="payback__member__no")
    def member_no(self, row: CardPaybackLine) -> str:
        return row.payback.member.no

    def timeline_subjects(self, row):
        return [("card_payback_line", row.pk), *approvals_of(row)]


def _settle(command: Command) -> None:
    card_alert_settle(
        alert_id=command.row.pk, note=command.reason, actor=command.actor, now=command.now
    )


@admin.register(CardAlert)
class CardAlertAdmin(_OfCard):
    """Alerts of a card; those of a member or a source alone are headquarters' to see."""

    list_display = ["found_at", "kind", "card", "member", "figure", "settled_at", "note"]
    list_select_related = ["card", "member"]
    list_filter = ["kind", ("settled_at", admin.EmptyFieldListFilter)]
    search_fields = ["card__no", "member__no", "member__phone", "key"]
    date_hierarchy = "found_at"
    service_actions = [
        ServiceAction(
            "settle",
            _("Settle"),
            _settle,
            allowed=lambda row: row.settled_at is None,
            explanation=_("Say what it was. The alert changes nothing by itself."),
        )
    ]

    def timeline_subjects(self, row):
        return [("card_alert", row.pk)]


def _reveal(command: Command) -> str:
    name, number = card_identity_reveal(
        identity_id=command.row.pk,
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )
    return f"{name} {number}"


@admin.register(CardIdentity)
class CardIdentityAdmin(StaffScoped, ReadOnlyAdmin):
    """The register that the law demands; companies, who are no members, for headquarters alone."""

    store_paths = ("member__home_store",)
    hidden = ("name_sealed", "number_sealed", "fingerprint")
    list_display = ["masked", "kind", "member", "recorded_at", "keep_until", "replaced_at"]
    list_select_related = ["member"]
    list_filter = ["kind", ("replaced_at", admin.EmptyFieldListFilter)]
    search_fields = ["masked", "member__no__exact", "member__phone"]
    date_hierarchy = "recorded_at"
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "reveal",
            _("Look at it in the clear"),
            _reveal,
            sensitive=True,
            danger=True,
            allowed=lambda row: row.masked != "",
            explanation=_("Shown once. That you looked, and why, is kept."),
        )
    ]

    def timeline_subjects(self, row):
        return [("card_identity", row.pk)]


finder(
    CardPayback,
    lambda term: number_like(term, "no"),
    detail="card__no",
    icon="currency_exchange",
)
related(
    Card,
    Related(CardGift, "card", ("no", "giver", "taker", "state", "offered_at"), subject="card_gift"),
    Related(CardPayback, "card", ("no", "amount_fen", "withdrawn_fen", "reason", "created_at")),
    Related(CardAlert, "card", ("found_at", "kind", "figure", "settled_at"), subject="card_alert"),
)
related(
    Member,
    Related(CardGift, "giver", ("no", "card", "taker", "state", "offered_at"), subject="card_gift"),
    Related(CardAlert, "member", ("found_at", "kind", "card", "figure", "settled_at")),
    Related(
        CardIdentity,
        "member",
        ("masked", "recorded_at", "keep_until", "replaced_at"),
        subject="card_identity",
    ),
)
