"""Pages of the organisation, the books, pickups and approvals."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from config.kernel.approvals import SUBJECT
from config.kernel.states import ApprovalState
from stores.admin import (  # noqa: F401  they register themselves
    approvals,
    ledger,
    limits,
    organisation,
    pickup,
    terminals,
)
from stores.states import PickupState

timeline_words(
    kinds={
        "stores.pickup_changed": _("pickup"),
        "stores.terminal_changed": _("terminal"),
        "kernel.approval_changed": _("approval"),
    },
    states={"pickup": PickupState, SUBJECT: ApprovalState},
)
