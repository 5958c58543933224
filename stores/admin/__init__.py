"""Pages of the organisation, the books and pickups."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from stores.admin import ledger, organisation, pickup  # noqa: F401
from stores.states import PickupState

timeline_words(kinds={"stores.pickup_changed": _("pickup")}, states={"pickup": PickupState})
