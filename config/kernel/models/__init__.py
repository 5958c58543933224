from config.kernel.models.approval import Approval
from config.kernel.models.batch import Batch, BatchStatus
from config.kernel.models.code import Code
from config.kernel.models.event import Event, EventDelivery
from config.kernel.models.idempotency import IdempotencyKey
from config.kernel.models.policy import PolicyVersion
from config.kernel.models.saved_filter import SavedFilter
from config.kernel.models.session import Session
from config.kernel.models.user import User

__all__ = [
    "Approval",
    "Batch",
    "BatchStatus",
    "Code",
    "Event",
    "EventDelivery",
    "IdempotencyKey",
    "PolicyVersion",
    "SavedFilter",
    "Session",
    "User",
]
