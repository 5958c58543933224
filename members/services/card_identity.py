"""The register of who buys stored value (实名登记)."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Value
from django.db.models.functions import Greatest
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members import identity
from members.card_rules import CardRules
from members.events import CardIdentityErased, CardIdentityRecorded, CardIdentityRevealed
from members.guards import CardRefused
from members.locks import member_lock
from members.models import CardIdentity, Member
from members.states import PayerKind

# 单用途商业预付卡管理办法 art. 15: five years at least, counted from the last purchase.
KEPT = timedelta(days=5 * 366)


# A purchase that comes in between moves the date, or finds the entry replaced.
_ERASE = """
UPDATE members_cardidentity SET name_sealed = '', number_sealed = '', fingerprint = '', masked = '',
  replaced_at = coalesce(replaced_at, %(now)s::timestamptz)
WHERE keep_until <= %(now)s::timestamptz AND id IN (
  SELECT id FROM members_cardidentity
  WHERE keep_until <= %(now)s::timestamptz AND name_sealed <> ''
  ORDER BY keep_until, id LIMIT %(limit)s::int
) RETURNING id
"""


class CardIdentityMissing(CardRefused):
    """The law wants to know who buys: a bound phone, or an entry in the register."""

    code = "card_identity_missing"
    message = _("Please verify your identity first.")


class CardIdentityOnRecord(CardRefused):
    """Whoever is paid back is who is on record: a seller does not say that it is another."""

    code = "card_identity_on_record"
    message = _("Another document is on record for this member already.")


def card_identity_tell(
    *, member_id: int, name: str, number: str, actor: Actor, now: datetime
) -> CardIdentity:
    """Enter a person of whom nothing is on record yet; the same document again changes nothing.

    Raises CardIdentityInvalid, CardIdentityOnRecord, NotFound.
    """
    name, number = identity.document_check(kind=PayerKind.PERSON, name=name, number=number)
    with transaction.atomic():
        if member_lock(member_id=member_id) is None:
            raise NotFound()
        known = CardIdentity.objects.filter(member_id=member_id, replaced_at__isnull=True).first()
        if known is None:
            return card_identity_record(
                member_id=member_id, name=name, number=number, actor=actor, now=now
            )
        said = (identity.fingerprint(number), name, PayerKind.PERSON)
        if said != (known.fingerprint, identity.unseal(known.name_sealed), known.kind):
            raise CardIdentityOnRecord()
    return known


def card_identity_record(
    *,
    member_id: int | None,
    name: str,
    number: str,
    kind: str = PayerKind.PERSON,
    actor: Actor,
    now: datetime,
) -> CardIdentity:
    """Enter a person (of ``member_id``) or a company into the register; the same document again
    changes nothing, another one replaces what counted so far, which stays as evidence.

    Raises CardIdentityInvalid, NotFound.
    """
    name, number = identity.document_check(kind=kind, name=name, number=number)
    print_ = identity.fingerprint(number)
    with transaction.atomic():
        if member_id is not None:
            if member_lock(member_id=member_id) is None:
                raise NotFound()
            live = CardIdentity.objects.filter(member_id=member_id, replaced_at__isnull=True)
            same = live.filter(fingerprint=print_, kind=kind).first()
            if same is not None and identity.unseal(same.name_sealed) == name:
                return same
            live.update(replaced_at=now)
        elif kind == PayerKind.PERSON:
            raise NotFound()
        row = CardIdentity.objects.create(
            member_id=member_id,
            kind=kind,
            name_sealed=identity.seal(name),
            number_sealed=identity.seal(number),
            fingerprint=print_,
            masked=identity.masked(name=name, number=number),
            recorded_at=now,
            keep_until=now + KEPT,
        )
        record([CardIdentityRecorded(subject_id=row.pk)], actor=actor, now=now)
    return row


def card_identity_reveal(
    *, identity_id: int, reason: str, actor: Actor, now: datetime
) -> tuple[str, str]:
    """(name, number) in the clear, and the event that says who looked. Raises NotFound."""
    with transaction.atomic():
        row = CardIdentity.objects.filter(pk=identity_id).exclude(name_sealed="").first()
        if row is None:
            raise NotFound()
        record([CardIdentityRevealed(subject_id=row.pk, reason=reason)], actor=actor, now=now)
        return identity.unseal(row.name_sealed), identity.unseal(row.number_sealed)


def card_identities_erase(*, actor: Actor, now: datetime, limit: int = 500) -> int:
    """Entries that the law no longer wants are nobody's: the rows stay, the people go. Returns
    how many of up to ``limit``."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(_ERASE, {"now": now, "limit": limit})
            erased = [row[0] for row in cursor.fetchall()]
        record([CardIdentityErased(subject_id=pk) for pk in erased], actor=actor, now=now)
    return len(erased)


def identity_for(
    *, member: Member, named: bool, amount_fen: int, rules: CardRules, now: datetime
) -> CardIdentity | None:
    """Who is on record for this purchase, kept for five more years; None when nobody has to be.

    In the caller's transaction. Raises CardIdentityMissing.
    """
    row = identity_check(member=member, named=named, amount_fen=amount_fen, rules=rules)
    if row is not None and not identity_keep(identity_id=row.pk, now=now):
        raise CardIdentityMissing()
    return row


def identity_check(
    *, member: Member, named: bool, amount_fen: int, rules: CardRules
) -> CardIdentity | None:
    """The member's entry in the register, or None where a bound phone or nothing is enough. One
    statement. Raises CardIdentityMissing."""
    row = CardIdentity.objects.filter(member=member, replaced_at__isnull=True).first()
    needed = rules.identity_needed(named=named, amount_fen=amount_fen)
    by_phone = named and rules.identity_named == "phone" and bool(member.phone)
    if row is None and needed and not by_phone:
        raise CardIdentityMissing()
    return row


def identity_keep(*, identity_id: int, now: datetime) -> bool:
    """Keep an entry for five more years, for a purchase at this moment; False when it counts no
    longer. In the caller's transaction."""
    live = CardIdentity.objects.filter(pk=identity_id, replaced_at__isnull=True)
    return bool(live.update(keep_until=Greatest("keep_until", Value(now + KEPT))))
