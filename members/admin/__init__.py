"""Pages of members, their cards, points and messages."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.codes import code_words
from config.kernel.admin.timeline import timeline_words
from config.kernel.models import Code
from members.admin import (  # noqa: F401  they register themselves
    card_life,
    card_sales,
    cards,
    memberships,
    people,
    points,
    policy_forms,
    reports,
    tags,
    tiers,
)
from members.states import (
    ActivationState,
    CardState,
    GiftState,
    HoldState,
    MessageState,
    PaybackState,
)
from stores.models import Transfer

timeline_words(
    kinds={
        "members.birthday": _("birthday"),
        "members.birthday_changed": _("birthday entered or corrected"),
        "members.card_activation_changed": _("activation code"),
        "members.card_adjusted": _("bonus corrected"),
        "members.card_alert_settled": _("card alert settled"),
        "members.card_batch_paid_out": _("void batch of cards paid out"),
        "members.card_batch_sold": _("batch of cards sold"),
        "members.card_batch_voided": _("batch of cards voided"),
        "members.card_changed": _("card"),
        "members.card_gift_changed": _("gift of a card"),
        "members.card_hold_changed": _("card hold"),
        "members.card_holder_changed": _("holder changed"),
        "members.card_identity_erased": _("card identity erased"),
        "members.card_identity_recorded": _("card identity recorded"),
        "members.card_identity_revealed": _("card identity looked at"),
        "members.card_paid_back": _("card paid back"),
        "members.card_purchase_voided": _("purchase undone"),
        "members.card_payback_changed": _("payback of a card"),
        "members.card_payback_rerouted": _("payback goes by transfer"),
        "members.card_reactivated": _("card reactivated"),
        "members.card_replaced": _("card replaced"),
        "members.card_topped_up": _("card topped up"),
        "members.consent_given": _("consent given"),
        "members.consent_withdrawn": _("consent withdrawn"),
        "members.identified": _("identity added"),
        "members.membership_granted": _("membership paid for"),
        "members.membership_refunded": _("membership given back"),
        "members.message_changed": _("message"),
        "members.phone_bound": _("phone bound"),
        "members.point_hold_changed": _("hold of points"),
        "members.points_adjusted": _("points corrected"),
        "members.points_returned": _("points given back"),
        "members.registered": _("registered"),
        "members.tagged": _("tag given"),
        "members.tier_changed": _("tier"),
        "members.topup_offer_returned": _("top-up offer returned"),
        "members.topup_offer_taken": _("top-up offer taken"),
        "members.untagged": _("tag taken off"),
    },
    states={
        "card": CardState,
        "card_activation": ActivationState,
        "card_gift": GiftState,
        "card_hold": HoldState,
        "card_payback_line": PaybackState,
        "message": MessageState,
        "point_hold": HoldState,
    },
)

code_words(
    Transfer,
    "code",
    {
        "card.adjust": _("bonus corrected"),
        "card.batch_payout": _("void batch of cards paid out"),
        "card.bonus": _("card bonus"),
        "card.charge": _("spent bonus charged"),
        "card.issue": _("card sold"),
        "card.payback": _("paid back to its holder"),
        "card.payout": _("closed card paid out"),
        "card.refund": _("given back to the card"),
        "card.spend": _("paid by card"),
        "card.uncharge": _("charge given back"),
        "points.adjust": _("points corrected"),
        "points.clawback": _("points taken back"),
        "points.debt": _("points owed after a refund"),
        "points.earn": _("points earned"),
        "points.expire": _("points expired"),
        "points.repay": _("debt of points repaid"),
        "points.return": _("points given back"),
        "points.spend": _("points spent"),
    },
)
code_words(Code, "purpose", {"card_gift": _("gift of a card")})
