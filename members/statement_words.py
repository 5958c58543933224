"""What the lines of a card's statement are called, on every face."""

from django.utils.translation import gettext_lazy as _

WHAT = [
    ("card.issue", _("bought")),
    ("card.topup", _("topped up")),
    ("card.bonus", _("bonus granted")),
    ("card.adjust", _("bonus corrected")),
    ("card.spend", _("paid with")),
    ("card.refund", _("given back")),
    ("card.payback", _("paid back to its holder")),
    ("card.charge", _("spent bonus charged")),
    ("bonus.withdraw", _("bonus withdrawn")),
    ("card.void", _("purchase undone")),
    ("bonus.void", _("bonus undone")),
]
PART = [("principal", _("principal")), ("bonus", _("bonus"))]
