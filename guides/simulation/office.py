"""What the office does: it looks at what the shops may not decide on alone."""

from datetime import datetime

from django.db.models import QuerySet

from config.kernel.approvals import approval_decide
from config.kernel.errors import DomainError
from config.kernel.models import Approval, User
from config.kernel.money import share_down
from config.kernel.states import ApprovalState
from guides.simulation.agenda import Agenda
from mall.models import Sku
from mall.services.aftersale_approval import REFUND
from mall.services.price_change import price_change
from stores.states import Role

# Far more than the head office changes on one person's word.
_DEAR_FEN, _CLEARANCE_BP = 50_000, 7_000


def refunds_asked() -> set[int]:
    """After-sales about which managers have asked."""
    return set(_waiting().values_list("subject_id", flat=True))


def refund_grant(agenda: Agenda, after_sale_id: int, now: datetime) -> None:
    """Somebody of the group's finance approves what a manager asked for."""
    finance = _person(Role.FINANCE)
    approval = _waiting().filter(subject_id=after_sale_id).first()
    if finance is None or approval is None:
        return
    try:
        approval_decide(approval_id=approval.pk, approve=True, user=finance, now=now)
    except DomainError:
        return
    agenda.tally["approved"] += 1


def price_ask_at_last(*, now: datetime) -> bool:
    """See to it that something waits in the inbox; whether it had to be asked for."""
    boss = _person(Role.HEADQUARTERS)
    if boss is None or Approval.objects.filter(state=ApprovalState.PENDING).exists():
        return False
    dear = Sku.objects.filter(archived_at=None, price_fen__gte=_DEAR_FEN)
    sku = dear.order_by("-price_fen", "pk").first()
    if sku is None:
        return False
    asked = price_change(
        sku_id=sku.pk,
        price_fen=share_down(sku.price_fen, _CLEARANCE_BP),
        reason="换季清仓",
        user=boss,
        now=now,
    )
    return asked is not None


def _waiting() -> "QuerySet[Approval]":
    return Approval.objects.filter(kind=REFUND, state=ApprovalState.PENDING)


def _person(role: Role) -> User | None:
    everywhere = User.objects.filter(
        assignments__role=role,
        assignments__store=None,
        assignments__operator=None,
        assignments__until=None,
        is_active=True,
    )
    return everywhere.order_by("pk").first()
