"""A desk that sells stored value, and what is sold at it."""

from typing import Any

from config.kernel.actors import Actor
from mall.models import StoreSale
from mall.services.pos_till import Till, till_of_store
from mall.services.store_sale import SaleTerms, store_sale
from members.models import Member
from stores.models import Account, Store, Transfer
from tests.factories import moment

SELLER = Actor("user", "7")


def desk_of(store: Store) -> Till:
    return till_of_store(store=store, actor=SELLER)


def terms_of(member: Member, **said: Any) -> SaleTerms:
    """Cash, unless said otherwise."""
    return SaleTerms(**{"member_no": member.no, "way": "cash", **said})


def sell(store: Store, member: Member, *, ticket_no: str = "T-1", now=None, **said) -> StoreSale:
    return store_sale(
        till=desk_of(store),
        ticket_no=ticket_no,
        terms=terms_of(member, **said),
        actor=SELLER,
        now=now or moment(),
    )


def money(code: str) -> int:
    """Fen in an account that is debited when money comes in."""
    account = Account.objects.get(code=code)
    came = Transfer.objects.filter(debit=account).values_list("amount", flat=True)
    went = Transfer.objects.filter(credit=account).values_list("amount", flat=True)
    return sum(came) - sum(went)
