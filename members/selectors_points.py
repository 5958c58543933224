"""The statement of a member's points: what came and went, and what they had after each line."""

from django.db.models import Subquery, Value
from django.db.models.functions import Concat

from members.models import Member
from members.selectors_statement import CardBook
from stores.models import Account

_DEBT = "points.debt:"


def points_book(member_id: int) -> CardBook:
    """A member's two accounts: "points" that they have, "debt" that they owe, which counts below
    zero. Without any for who never earned. One statement."""
    no = Subquery(Member.objects.filter(pk=member_id).values("no")[:1])
    codes = [Concat(Value(prefix), no) for prefix in ("points:", _DEBT)]
    rows = Account.objects.filter(code__in=codes).values_list("pk", "code")
    return CardBook({pk: "debt" if code.startswith(_DEBT) else "points" for pk, code in rows}, None)
