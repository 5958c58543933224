"""Stored value sold from the console: whoever keeps the books sells alone up to a limit."""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.errors import Conflict
from config.kernel.models import Approval
from config.kernel.money import yuan
from mall.models import StoreSale
from mall.services.pos_till import till_of_store
from mall.services.store_sale import SaleTerms, sale_of_till, store_sale, store_sale_quote
from mall.states import SaleWay
from members.models import Member
from stores.approvals import approval_needed
from stores.models import Store
from stores.permissions import UNDO
from stores.states import Role

SALE = "mall.store_sale"


def store_sale_approval(
    *, store: Store, ticket_no: str, terms: SaleTerms, reason: str, user: Any, now: datetime
) -> Approval | StoreSale:
    """Sell at ``store`` (with its operator) on ``terms``, which name the member by number, or ask
    for it where ``user`` may not sell that much alone: nobody sees the money there.

    Raises ApprovalPending (of the same member) and what ``store_sale`` raises.
    """
    actor = Actor.user(user)
    till = till_of_store(store=store, actor=actor)
    known = sale_of_till(till=till, ticket_no=ticket_no)
    document = None if known else store_sale_quote(till=till, terms=terms, now=now)
    if document is not None and approval_needed(
        user=user,
        kind=SALE,
        amount_fen=document["total_fen"],
        operator_id=store.operator_id,
        store_id=store.pk,
        now=now,
    ):
        member_id = Member.objects.values_list("pk", flat=True).get(no=terms.member_no)
        # Nobody's document goes into a request: who is not known yet is recorded first.
        said = asdict(replace(terms, identity=None))
        return approval_request(
            kind=SALE,
            subject_type=Member._meta.label_lower,
            subject_id=member_id,
            reason=reason,
            actor=actor,
            now=now,
            params={"ticket_no": ticket_no, "terms": said},
            amount_fen=document["total_fen"],
            operator_id=store.operator_id,
            store_id=store.pk,
        )
    return store_sale(till=till, ticket_no=ticket_no, terms=terms, actor=actor, now=now)


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    assert approval.store_id is not None  # as it was asked for
    store = Store.objects.select_related("operator").get(pk=approval.store_id)
    terms = SaleTerms(**approval.params["terms"])
    till = till_of_store(store=store, actor=actor)
    sale = store_sale(
        till=till, ticket_no=approval.params["ticket_no"], terms=terms, actor=actor, now=now
    )
    if sale.order is None or sale.order.total_fen != approval.amount_fen:
        # Another price than was asked for: it has to be asked again.
        raise Conflict()


def _describe(approval: Approval) -> str:
    terms = SaleTerms(**approval.params["terms"])
    assert approval.store_id is not None  # as it was asked for
    store = Store.objects.get(pk=approval.store_id)
    said = (
        _("{member} gets {amount} on card {card}, paid by {way} ({reference}) at {store}.")
        if terms.card
        else _("{member} gets a card {card} of {amount}, paid by {way} ({reference}) at {store}.")
    )
    return said.format(
        member=terms.member_no,
        amount=yuan(approval.amount_fen),
        card=terms.card or terms.product,
        way=SaleWay(terms.way).label,
        reference=terms.reference or "–",
        store=store.name,
    )


SALE_KIND = ApprovalKind(
    code=SALE,
    label=gettext_lazy("stored value sold from the console"),
    permission=UNDO,
    run=_run,
    describe=_describe,
    limits={
        "alone": {
            Role.SERVICE: 20_000,
            Role.MANAGER: 100_000,
            Role.FINANCE: 200_000,
            Role.HEADQUARTERS: None,
        },
        "check": {Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)
