"""What becomes of cards: gifts, money paid back, alerts; the register of who bought."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
    related,
)
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
    fields = ["reference", "way", "amount_fen", "withdrawn_fen", "charged_fen"]
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
        "reason",
        "created_at",
    ]
    list_select_related = ["card", "member"]
    list_filter = [("card__operator", ScopedRelatedFilter)]
    search_fields = ["no", "card__no", "member__phone", "lines__reference__exact"]
    date_hierarchy = "created_at"
    inlines = [PaybackLineInline]

    def timeline_subjects(self, row):
        return [("card", row.card_id)]


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
