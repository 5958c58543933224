"""The admin's base classes (see ``base`` and ``actions``) and the kernel's own pages."""

from config.kernel.admin.actions import Command, ServiceAction
from config.kernel.admin.base import (
    AuditedAdmin,
    AuditedInline,
    MallAdmin,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ScopedRelatedFilter,
)
from config.kernel.admin.bulk import Bulk
from config.kernel.admin.codes import code_words
from config.kernel.admin.forms import PercentField, ReasonForm, YuanField, percent_typed
from config.kernel.admin.panels import Related, charts, figures, related
from config.kernel.admin.policy_forms import PolicyForm, policy_form
from config.kernel.admin.search import finder, number_like, phone_of

__all__ = [
    "AuditedAdmin",
    "AuditedInline",
    "Bulk",
    "Command",
    "MallAdmin",
    "PercentField",
    "PolicyForm",
    "ReadOnlyAdmin",
    "ReadOnlyInline",
    "ReasonForm",
    "Related",
    "ScopedRelatedFilter",
    "ServiceAction",
    "YuanField",
    "charts",
    "code_words",
    "figures",
    "finder",
    "number_like",
    "percent_typed",
    "phone_of",
    "policy_form",
    "related",
]

from config.kernel.admin import (  # noqa: F401  they register themselves
    batches,
    dashboard,
    export_batches,
    pages,
    sessions,
)
