"""Pages of members, their cards, points and messages."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from members.admin import cards, people  # noqa: F401
from members.states import CardState, HoldState, MessageState

timeline_words(
    kinds={
        "members.card_changed": _("card"),
        "members.card_hold_changed": _("card hold"),
        "members.consent_given": _("consent given"),
        "members.consent_withdrawn": _("consent withdrawn"),
        "members.identified": _("identity added"),
        "members.message_changed": _("message"),
        "members.phone_bound": _("phone bound"),
        "members.registered": _("registered"),
    },
    states={"card": CardState, "card_hold": HoldState, "message": MessageState},
)
