"""Close a card and pay its principal back (退卡)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import EventBase, record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from members.card_rules import CardRules
from members.cards import PaybackPart, payback_split
from members.events import CardPaidBack, CardPaybackChanged
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card, CardIdentity, CardPayback, CardPaybackLine
from members.selectors_cards import card_rules
from members.services.card_identity import CardIdentityMissing
from members.services.card_transition import card_get, card_transition, ensure_no_holds
from members.states import CardState, PaybackState, PayWay
from stores.ledger import AccountSpec, Draft, accounts_ensure, post

# WeChat Pay takes a refund within a year of its payment.
SOURCE_DAYS = 365


class CardCashTooMuch(Conflict):
    code = "card_cash_too_much"
    message = _("So much is paid back by transfer to an account of the same name, not in cash.")


@dataclass(frozen=True, slots=True)
class _Lot:
    pk: int
    created_at: datetime
    reference: str
    principal_id: int
    principal_fen: int
    bonus_id: int
    bonus_fen: int
    granted_fen: int
    charged_fen: int
    funded_by: str


# Bonus that an adjustment or an earlier payback took, or charged for, is not charged (again); what
# was charged for bonus that came back later is given back with it.
_LOTS = """
SELECT l.id, l.created_at, l.reference, p.id, p.balance, b.id, b.balance,
  coalesce((SELECT t.amount FROM stores_transfer t WHERE t.key = 'card.bonus:' || l.key), 0)
    - coalesce((SELECT sum(t.amount) FROM stores_transfer t
        WHERE t.debit_id IN (p.id, b.id)
          AND t.code IN ('card.adjust', 'bonus.withdraw', 'card.charge')), 0)::bigint
    + x.returned,
  x.charged - x.returned,
  coalesce((
    SELECT f.code FROM stores_transfer t JOIN stores_account f ON f.id = t.debit_id
    WHERE t.key IN ('card.issue:' || l.key, 'card.topup:' || l.key)
  ), '')
FROM members_cardlot l
JOIN stores_account p ON p.id = l.principal_id JOIN stores_account b ON b.id = l.bonus_id
JOIN LATERAL (
  SELECT coalesce(sum(charged_fen), 0)::bigint AS charged,
    coalesce(sum(returned_fen), 0)::bigint AS returned
  FROM members_cardpaybackline WHERE lot_id = l.id
) AS x ON true
WHERE l.card_id = %s::bigint AND p.balance + b.balance > 0 ORDER BY l.id
"""


@dataclass(frozen=True, slots=True)
class Breakdown:
    """What closing would do now to one lot, in fen; ``by_gateway``: its payment can be refunded.
    ``returned_fen`` of the amount was charged by an earlier payback."""

    lot_id: int
    reference: str
    amount_fen: int
    charged_fen: int
    withdrawn_fen: int
    by_gateway: bool
    returned_fen: int


def card_close_preview(*, card_id: int, now: datetime) -> list[Breakdown]:
    """What ``card_close_refund`` would pay back, charge and withdraw per lot. Nothing is changed.
    Raises NotFound."""
    card = card_get(card_id=card_id)
    rules = card_rules(operator_code=card.operator.code, now=now)
    shown = []
    for lot in _lots(card):
        part = _part(lot, rules, now)
        by_gateway = _by_gateway(lot, now)
        shown.append(
            Breakdown(
                lot.pk,
                lot.reference,
                part.amount,
                part.charged,
                part.withdrawn,
                by_gateway,
                part.returned,
            )
        )
    return shown


def card_close_refund(
    *, card_id: int, reason: str, actor: Actor, now: datetime, cash: bool = False
) -> CardPayback:
    """The card is closed for good. Of each lot the principal that is left (less what the policy
    charges for spent bonus after the days of 法释〔2025〕4号) waits in ``card.payable:{issuer}`` to
    be sent back; bonus goes to ``bonus.withdrawn:{issuer}``. The payback's lines say how much of
    which purchase goes which way: the one it came, while the gateway takes it, else by transfer
    to an account of the holder's name, or in cash (``cash``) up to the law's ¥100.

    A closed card that an order's refund reached is paid out once more; bonus that came back was
    perhaps charged for, and that is given back with it. Raises NotFound,
    CardNotUsable (offered, or closed and empty), CardHasHolds, CardIdentityMissing,
    CardCashTooMuch.
    """
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None:
            raise NotFound()
        ensure_no_holds(card=card)
        lots = _lots(card)
        if card.state == CardState.OFFERED or (card.state == CardState.CLOSED and not lots):
            raise CardNotUsable()
        rules = card_rules(operator_code=card.operator.code, now=now)
        parts = [_part(lot, rules, now) for lot in lots]
        ways = _ways(card, lots, parts, rules, cash, now)
        payback = CardPayback.objects.create(
            no=new_no("CP"),
            card=card,
            member_id=card.member_id,
            reason=reason[:200],
            rule=rules.refund_bonus,
            amount_fen=sum(part.amount for part in parts),
            withdrawn_fen=sum(part.withdrawn for part in parts),
            charged_fen=sum(part.charged for part in parts),
            returned_fen=sum(part.returned for part in parts),
            created_at=now,
        )
        lines = CardPaybackLine.objects.bulk_create(
            CardPaybackLine(
                payback=payback,
                lot_id=lot.pk,
                way=way,
                reference=lot.reference,
                amount_fen=part.amount,
                withdrawn_fen=part.withdrawn,
                charged_fen=part.charged,
                returned_fen=part.returned,
                # Of nothing there is nothing to send.
                state=PaybackState.WAITING if part.amount else PaybackState.PAID,
                paid_at=None if part.amount else now,
            )
            for lot, part, way in zip(lots, parts, ways, strict=True)
        )
        if card.state != CardState.CLOSED:
            card_transition(
                card=card, to_state=CardState.CLOSED, actor=actor, now=now, reason=reason
            )
        post(_drafts(card, payback.no, lots, parts), now=now)
        events: list[EventBase] = [
            CardPaybackChanged(subject_id=line.pk, payback_id=payback.pk, to_state=line.state)
            for line in lines
        ]
        events.append(
            CardPaidBack(
                subject_id=card.pk,
                reason=reason,
                payback_id=payback.pk,
                amount_fen=payback.amount_fen,
            )
        )
        record(events, actor=actor, now=now)
        nudge()
    return payback


def _lots(card: Card) -> list[_Lot]:
    with connection.cursor() as cursor:
        cursor.execute(_LOTS, [card.pk])
        return [_Lot(*row) for row in cursor.fetchall()]


def _part(lot: _Lot, rules: CardRules, now: datetime) -> PaybackPart:
    return payback_split(
        principal_fen=lot.principal_fen,
        bonus_fen=lot.bonus_fen,
        bonus_granted_fen=lot.granted_fen,
        free=now < lot.created_at + timedelta(days=rules.refund_days),
        rule=rules.refund_bonus,
        bonus_charged_fen=lot.charged_fen,
    )


def _by_gateway(lot: _Lot, now: datetime) -> bool:
    young = now < lot.created_at + timedelta(days=SOURCE_DAYS)
    return young and lot.funded_by.startswith("wechat:")


def _ways(
    card: Card,
    lots: Sequence[_Lot],
    parts: Sequence[PaybackPart],
    rules: CardRules,
    cash: bool,
    now: datetime,
) -> list[str]:
    by_gateway = [_by_gateway(lot, now) for lot in lots]
    elsewhere = sum(
        part.amount for part, source in zip(parts, by_gateway, strict=True) if not source
    )
    if elsewhere:
        known = CardIdentity.objects.filter(member=card.member_id, replaced_at__isnull=True)
        if not known.exists():
            raise CardIdentityMissing()
        if cash and elsewhere > rules.cash_refund_most_fen:
            raise CardCashTooMuch()
    other = PayWay.CASH if cash else PayWay.TRANSFER
    return [PayWay.SOURCE if source else other for source in by_gateway]


def _drafts(card: Card, no: str, lots: Sequence[_Lot], parts: Sequence[PaybackPart]) -> list[Draft]:
    operator = card.operator
    payable, withdrawn = f"card.payable:{operator.code}", f"bonus.withdrawn:{operator.code}"
    ids = accounts_ensure(
        [
            AccountSpec(payable, operator_id=operator.pk),
            AccountSpec(withdrawn, operator_id=operator.pk),
        ]
    )
    drafts = []
    for lot, part in zip(lots, parts, strict=True):
        for debit_id, credit_id, amount, code in (
            (lot.principal_id, ids[payable], part.amount - part.returned, "card.payback"),
            (lot.principal_id, ids[withdrawn], part.charged, "card.charge"),
            (lot.bonus_id, ids[withdrawn], part.withdrawn, "bonus.withdraw"),
            (ids[withdrawn], ids[payable], part.returned, "card.uncharge"),
        ):
            if amount:
                drafts.append(
                    Draft(
                        debit_id=debit_id,
                        credit_id=credit_id,
                        amount=amount,
                        code=code,
                        key=f"{code}:{no}:{lot.pk}",
                        reference=no,
                    )
                )
    return drafts
