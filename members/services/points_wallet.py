"""Members' points as services work on them: read under lock, changed in memory, written once."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F, Q

from members.models import PointLot
from members.points import Lot, Move, Wallet
from members.selectors import points_debts
from stores.ledger import AccountSpec, Draft, accounts_ensure
from stores.states import Unit

ISSUED = "points.issued"
# Who earns, spends, expires or gives back points of a member waits for the others who do.
LOCK = "members.points"


@dataclass(frozen=True, slots=True)
class PointsAccounts:
    """Ids in the books: a member's points and what they owe, and whose points they are."""

    points: int
    debt: int
    issued: int

    def draft(self, move: Move, reference: str, key: str, code: str = "") -> Draft:
        debit, credit = {
            "earn": (self.issued, self.points),
            "repay": (self.issued, self.debt),
            "clawback": (self.points, self.issued),
            "debt": (self.debt, self.issued),
        }[move.kind]
        return Draft(debit, credit, move.points, code or f"points.{move.kind}", key, reference)


@dataclass(frozen=True, slots=True)
class Made:
    """A lot to be written: whose it is and the key that makes it once."""

    member_id: int
    key: str
    lot: Lot


def points_accounts(member_nos: Mapping[int, str]) -> dict[int, PointsAccounts]:
    """The accounts of members by primary key. One statement."""
    specs = [AccountSpec(ISSUED, Unit.POINTS)]
    for no in member_nos.values():
        specs.append(AccountSpec(f"points:{no}", Unit.POINTS, guarded=True))
        specs.append(AccountSpec(f"points.debt:{no}", Unit.POINTS))
    ids = accounts_ensure(specs)
    return {
        pk: PointsAccounts(ids[f"points:{no}"], ids[f"points.debt:{no}"], ids[ISSUED])
        for pk, no in member_nos.items()
    }


def wallets_read(
    accounts: Mapping[int, PointsAccounts], references: Collection[str] = ()
) -> dict[int, Wallet]:
    """What members have and owe, with every lot of ``references`` however empty. Two statements;
    the caller has the advisory lock of the members."""
    debts = points_debts([a.debt for a in accounts.values()])
    wallets = {pk: Wallet([], debts[a.debt]) for pk, a in accounts.items()}
    rows = PointLot.objects.filter(
        Q(remaining_points__gt=0) | Q(reference__in=references), member__in=accounts
    ).order_by("expires_at", "pk")
    for row in rows:
        lot = Lot(
            pk=row.pk,
            reference=row.reference,
            remaining=row.remaining_points,
            expires_at=row.expires_at,
            rate_bp=row.rate_bp,
            earned=row.earned_points,
            held=row.held_points,
            line_rates=row.line_rates,
        )
        wallets[row.member_id].lots.append(lot)
    return wallets


def wallets_write(
    wallets: Mapping[int, Wallet], made: Sequence[Made], *, now: datetime
) -> dict[str, int]:
    """Write what changed, before it is booked: rows come before accounts. Returns the primary
    keys of new lots by key."""
    written = PointLot.objects.bulk_create(
        PointLot(
            member_id=new.member_id,
            reference=new.lot.reference,
            key=new.key,
            rate_bp=new.lot.rate_bp,
            line_rates=new.lot.line_rates,
            earned_points=new.lot.earned,
            remaining_points=new.lot.remaining,
            earned_at=now,
            expires_at=new.lot.expires_at,
        )
        for new in made
    )
    changed = [
        # Relative: what a hold takes off the lot meanwhile is not written over.
        PointLot(pk=lot.pk, remaining_points=F("remaining_points") - lot.taken)
        for wallet in wallets.values()
        for lot in wallet.lots
        if lot.taken and lot.pk is not None
    ]
    PointLot.objects.bulk_update(changed, ["remaining_points"])
    return {lot.key: lot.pk for lot in written}
