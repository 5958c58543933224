"""An action of its own for tests of approvals: what it did is an event of the kernel."""

from config.kernel import approvals
from config.kernel.approvals import ApprovalKind, Authority
from config.kernel.errors import DomainError
from config.kernel.models import Event
from config.kernel.reference import ReferenceChanged, record

KIND = "test.pay"


class OutOfCash(DomainError):
    code = "test_out_of_cash"


def pay(approval, *, actor, now):
    if approval.params.get("fails"):
        raise OutOfCash()
    event = ReferenceChanged(
        subject_type="test.till", subject_id=approval.subject_id, change="paid", changes={}
    )
    record([event], actor=actor, now=now)


def payments() -> int:
    return Event.objects.filter(subject_type="test.till").count()


def register(monkeypatch, *, limits=None, judged=None, run=pay) -> None:
    """The kind for this test; with ``judged``, what everybody may approve by."""
    kind = ApprovalKind(
        code=KIND,
        label="付款",
        permission="mall.change_order",
        run=run,
        describe=lambda approval: f"付 {approval.amount_fen} 分",
        limits=limits or {},
    )
    monkeypatch.setitem(approvals._kinds, KIND, kind)
    if judged is not None:
        monkeypatch.setattr(approvals, "_judges", [lambda **place: judged])


# Nobody is assigned in these tests, so nobody decides in a role of an assignment.
WITHOUT_LIMIT = Authority("superuser", None)
