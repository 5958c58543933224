"""How cards are sold: batches with their codes, and offers for topping up."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    AuditedAdmin,
    Command,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
    related,
)
from config.kernel.money import yuan
from members.admin.card_batch_form import BatchForm, sell
from members.admin.card_life import ReceiptForm
from members.models import CardActivation, CardBatch, Member, TopUpOffer, TopUpOfferUse
from members.services.card_batch import card_batch_void
from members.services.card_batch_payout import card_batch_payout
from members.services.card_codes import card_codes
from stores.admin.approvals import approvals_of, said
from stores.admin.scope import StaffScoped


def _make(command: Command) -> str:
    card_codes(batch_id=command.row.pk, user=command.user, now=command.now)
    return str(_("The codes are being made; see your background work."))


def _void(command: Command) -> str:
    left = card_batch_void(
        batch_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now
    )
    return str(_("{amount} waits to be paid back to the buyer.")).format(amount=yuan(left))


def _paid(command: Command) -> str | None:
    return said(
        card_batch_payout(
            batch_id=command.row.pk,
            reference=command.data["reference"],
            paid_on=command.data["paid_on"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


@admin.register(CardBatch)
class CardBatchAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("operator",)
    list_display = [
        "no",
        "product",
        "operator",
        "count",
        "principal_fen",
        "bonus_fen",
        "payer",
        "way",
        "made",
        "reference",
        "sold_at",
        "activate_until",
        "voided_at",
        "paid_on",
        "paid_reference",
    ]
    list_select_related = ["product", "operator"]
    list_filter = [
        ("operator", ScopedRelatedFilter),
        ("product", ScopedRelatedFilter),
        "payer",
        "way",
        ("voided_at", admin.EmptyFieldListFilter),
        ("paid_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["no", "reference"]
    date_hierarchy = "sold_at"
    ordering = ["-id"]
    list_service_actions = [
        ServiceAction(
            "sell",
            _("Sell a batch"),
            sell,
            form=BatchForm,
            permission="add",
            sensitive=True,
            explanation=_("The company has paid. From ¥5,000 it does so by transfer."),
        )
    ]
    service_actions = [
        ServiceAction(
            "codes",
            _("Make the codes"),
            _make,
            allowed=lambda row: row.voided_at is None and row.made < row.count,
        ),
        ServiceAction(
            "void",
            _("Void what is left"),
            _void,
            sensitive=True,
            danger=True,
            allowed=lambda row: row.voided_at is None,
            explanation=_(
                "No code that is left can be used any more; their money is owed to the buyer."
            ),
        ),
        ServiceAction(
            "paid",
            _("Has been paid"),
            _paid,
            form=ReceiptForm,
            sensitive=True,
            allowed=lambda row: row.voided_at is not None and row.paid_at is None,
            explanation=_("You have transferred what was left to the buyer."),
        ),
    ]

    def timeline_subjects(self, row):
        return [("card_batch", row.pk), *approvals_of(row)]


@admin.register(CardActivation)
class CardActivationAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("batch__operator",)
    hidden = ("code_hash",)
    list_display = ["batch", "serial", "state", "card", "member", "ended_at"]
    list_select_related = ["batch", "card", "member"]
    list_filter = ["state"]
    search_fields = ["batch__no", "card__no", "member__phone"]
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("card_activation", row.pk)]


@admin.register(TopUpOffer)
class TopUpOfferAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "operator",
        "steps_text",
        "once_per_member",
        "starts_at",
        "ends_at",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = [("operator", ScopedRelatedFilter), ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["operator", "products", "stores", "tiers"]
    ordering = ["-starts_at"]

    @admin.display(description=_("steps"))
    def steps_text(self, row: TopUpOffer) -> str:
        return "; ".join(
            f"{yuan(step['from_fen'])} + {yuan(step['bonus_fen'])}" for step in row.steps
        )


@admin.register(TopUpOfferUse)
class TopUpOfferUseAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("offer__operator",)
    list_display = ["offer", "member", "principal_fen", "bonus_fen", "taken_at", "returned_at"]
    list_select_related = ["offer", "member"]
    list_filter = [("offer", ScopedRelatedFilter), ("returned_at", admin.EmptyFieldListFilter)]
    search_fields = ["offer__code", "offer__name", "member__no__exact", "member__phone", "key"]
    date_hierarchy = "taken_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("topup_offer_use", row.pk)]


finder(
    CardBatch,
    lambda term: number_like(term, "no", "reference"),
    detail="product__name",
    icon="inventory",
)
related(
    CardBatch,
    Related(CardActivation, "batch", ("serial", "state", "card", "member", "ended_at")),
)
related(
    TopUpOffer,
    Related(TopUpOfferUse, "offer", ("member", "principal_fen", "bonus_fen", "taken_at")),
)
related(
    Member,
    Related(TopUpOfferUse, "member", ("offer", "principal_fen", "bonus_fen", "taken_at")),
)
