"""The machine under the model test of cards: what every step does and asserts, and the rules of
value that comes, goes and comes back. ``tests.members.test_cards_model`` adds what becomes of
cards."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import connection
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from members import guards
from members import models as db
from members.cards import CardPart
from members.guards_part import CaptureInvalid
from members.selectors import card_lots
from members.services import card_gift, card_issue, card_topup
from members.services.card_hold_expire import GRACE, card_hold_expire
from members.services.card_identity import CardIdentityMissing
from members.services.card_lot import CardAmountRefused, CardLimitExceeded
from stores.ledger import DuplicateTransfer, InsufficientFunds, ReversalTooLarge
from tests.lives import ModelledLife
from tests.members import card_model as model

ANY = st.integers(min_value=0, max_value=10_000)
FEN = st.one_of(st.integers(1, 300), st.integers(1, 60_000), st.integers(1, 600_000))
SHARE = st.integers(min_value=1, max_value=100)
DAYS = (1, 2, 4, 8, 30, 370, 1_100)
ACCEPTORS = ("north", "south", "east")
WECHAT = "wechat:1900000001"


@dataclass
class World:
    """What every life begins with. ``known``: by phone, ``on_record``: in the register."""

    start: datetime
    last: datetime
    members: list[int]
    known: set[int]
    on_record: set[int]
    products: list[model.Product]
    funding: dict[str, int]


class ValueLives(ModelledLife):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.now = self.world.start
        self.cards: list[model.Card] = []
        self.holds: list[model.Hold] = []
        self.spends: list[model.Spend] = []
        self.gifts: list[model.Gift] = []
        self.books = model.Books()

    def at_the_end(self) -> set[str]:
        # Nothing that should have ended outlives the life.
        self.now += timedelta(days=1)
        self.sweep()
        self.as_the_model_says()
        return {x.code for x in audit.lines() if x.code.startswith(("ledger", "card"))}

    # What every step does.

    def card(self, n: int) -> model.Card:
        self.now += timedelta(minutes=1)
        return self.cards[n % len(self.cards)]

    def may_hold(self, member: int, product: model.Product) -> bool:
        known = member in self.world.known or member in self.world.on_record
        return known or not product.named

    def has_holds(self, card: model.Card) -> bool:
        return any(h.card is card and h.state == "open" for h in self.holds)

    def open_gift(self, card: model.Card) -> model.Gift | None:
        return next((g for g in self.gifts if g.card is card and g.state == "offered"), None)

    # Value that comes.

    @initialize(n=ANY)
    def first_cards(self, n: int) -> None:
        for k in range(3):
            self.buy(n + k, n + k, 20_000, 2_000, n % 2 == 0)

    @rule(n=ANY, who=ANY, principal=FEN, bonus=FEN, wechat=st.booleans())
    def buy(self, n: int, who: int, principal: int, bonus: int, wechat: bool) -> None:
        self.now += timedelta(minutes=1)
        product = self.world.products[n % len(self.world.products)]
        member = self.world.members[who % len(self.world.members)]
        bonus %= 30_001
        refusal: type[DomainError] | None = None
        if not product.least <= principal <= product.most:
            refusal = CardAmountRefused
        elif principal + bonus > product.limit:
            refusal = CardLimitExceeded
        elif not self.may_hold(member, product):
            refusal = CardIdentityMissing
        funding = WECHAT if wechat else f"cash:{product.issuer}"
        row = self.act(
            refusal,
            lambda: card_issue.card_issue(
                member_id=member,
                card_product_id=product.pk,
                principal_fen=principal,
                bonus_fen=bonus,
                funding_account_id=self.world.funding[funding],
                reference=self.word("SO"),
                key=self.word("buy:"),
                actor=SYSTEM,
                now=self.now,
            ),
        )
        if row is not None:
            expires = None if product.named else self.now + timedelta(days=1_096)
            card = model.Card(row.pk, row.no, product, member, expires)
            self.cards.append(card)
            self.filled(card, db.CardLot.objects.get(card=row), funding, principal, bonus)

    @rule(n=ANY, principal=FEN, bonus=FEN, wechat=st.booleans())
    def top_up(self, n: int, principal: int, bonus: int, wechat: bool) -> None:
        card, product = self.card(n), self.card(n).product
        bonus %= 30_001
        refusal: type[DomainError] | None = None
        if not card.usable(self.now):
            refusal = guards.CardNotUsable
        elif not product.least <= principal <= product.most:
            refusal = CardAmountRefused
        elif card.value + principal + bonus > product.limit:
            refusal = CardLimitExceeded
        elif not self.may_hold(card.holder, product):
            refusal = CardIdentityMissing
        funding = WECHAT if wechat else f"cash:{product.issuer}"
        values = {
            "card_id": card.pk,
            "principal_fen": principal,
            "bonus_fen": bonus,
            "funding_account_id": self.world.funding[funding],
            "reference": self.word("SO"),
            "key": self.word("topup:"),
            "actor": SYSTEM,
            "now": self.now,
        }
        row = self.act(refusal, lambda: card_topup.card_topup(**values))
        if row is not None:
            self.filled(card, row, funding, principal, bonus)
            again = card_topup.card_topup
            full = card.value + principal + bonus > product.limit
            self.act(CardLimitExceeded if full else DuplicateTransfer, lambda: again(**values))

    def filled(self, card: model.Card, row: Any, funding: str, principal: int, bonus: int) -> None:
        accounts = (row.principal_id, row.bonus_id)
        lot = model.Lot(row.pk, accounts, funding == WECHAT, self.now, [0, 0], bonus)
        card.lots.append(lot)
        self.books.into_lot(funding, lot, model.PRINCIPAL, principal)
        self.books.into_lot(f"bonus.granted:{card.product.issuer}", lot, model.BONUS, bonus)

    # Value that goes, and comes back.

    def parts_of(self, card: model.Card, amount: int) -> tuple[list[Any], list[CardPart]]:
        """By the model, and as the guards want it; more than there is on the first lot."""
        short = amount > card.free
        split = [(card.lots[0], [amount, 0])] if short else card.split(amount)
        kinds = ("card_principal", "card_bonus")
        return split, [
            CardPart(
                lot.pk,
                lot.accounts[kind],
                kinds[kind],
                card.pk,
                card.no,
                part[kind],
                card.holder,
                card.product.consume,
            )
            for lot, part in split
            for kind in (model.PRINCIPAL, model.BONUS)
            if part[kind]
        ]

    def refusal_of(self, card: model.Card, amount: int) -> type[DomainError] | None:
        if not card.usable(self.now):
            return guards.CardNotUsable
        return InsufficientFunds if amount > card.free else None

    def amount(self, card: model.Card, share: int) -> int:
        """``share`` per cent of what is free and one fen more: now and then too much."""
        return card.free * share // 100 + 1

    @rule(
        n=ANY,
        share=SHARE,
        at=st.sampled_from(("", *ACCEPTORS)),
        minutes=st.integers(1, 300),
        then=st.sampled_from((0, 30, 70, 100, None)),
    )
    def hold(self, n: int, share: int, at: str, minutes: int, then: int | None) -> None:
        """Most of them are captured at once, in part or all: ``then`` is the share, 0 waits."""
        card = self.card(n)
        amount = self.amount(card, share)
        split, parts = self.parts_of(card, amount)
        reference, ends = self.word("SO"), self.now + timedelta(minutes=minutes)
        made = self.act(
            self.refusal_of(card, amount),
            lambda: guards.card_hold(
                card_id=card.pk,
                parts=parts,
                reference=reference,
                expires_at=ends,
                acceptor_code=at,
                actor=SYSTEM,
                now=self.now,
            ),
        )
        if made is not None:
            hold = model.Hold(reference, card, at, split, ends)
            for lot, part in split:
                lot.held = [a + b for a, b in zip(lot.held, part, strict=True)]
            self.holds.append(hold)
            if then != 0:
                self.capture(0, then, at or ACCEPTORS[n % 3])

    @precondition(lambda self: self.holds)
    @rule(n=ANY, share=st.one_of(st.none(), st.integers(1, 110)), at=st.sampled_from(ACCEPTORS))
    def capture(self, n: int, share: int | None, at: str) -> None:
        self.now += timedelta(minutes=1)
        hold = self.holds[-1 - n % min(len(self.holds), 5)]
        at = hold.acceptor if hold.acceptor and n % 4 else at
        amount = None if share is None else hold.amount * share // 100
        refusal: type[DomainError] | None = None
        if amount is not None and not 0 < amount <= hold.amount:
            refusal = CaptureInvalid
        elif hold.state != "open":
            refusal = DuplicateTransfer if hold.state == "captured" else guards.HoldNotOpen
        elif not hold.card.usable(self.now) or hold.acceptor not in ("", at):
            refusal = guards.CardNotUsable
        moved = self.act(
            refusal,
            lambda: guards.card_capture(
                reference=hold.reference,
                acceptor_code=at,
                amount_fen=amount,
                actor=SYSTEM,
                now=self.now,
            ),
        )
        if moved is None:
            return
        assert moved == (hold.amount if amount is None else amount)
        held = [part for _lot, part in hold.parts]
        taken = model.take(moved, held, hold.card.product.consume)
        hold.end("captured")
        lots = [lot for lot, _part in hold.parts]
        parts = list(zip(lots, taken, strict=True))
        self.spends.append(self.books.spend(hold.card, at, parts, hold.reference))

    @precondition(lambda self: self.holds)
    @rule(n=ANY)
    def release(self, n: int) -> None:
        self.now += timedelta(minutes=1)
        hold = self.holds[n % len(self.holds)]
        given = guards.card_release(reference=hold.reference, actor=SYSTEM, now=self.now)
        assert given == (hold.amount if hold.state == "open" else 0)
        if hold.state == "open":
            hold.end("released")

    @rule(n=ANY, share=SHARE, at=st.sampled_from(ACCEPTORS))
    def spend(self, n: int, share: int, at: str) -> None:
        card = self.card(n)
        amount = self.amount(card, share)
        split, parts = self.parts_of(card, amount)
        refusal, reference = self.refusal_of(card, amount), self.word("SO")

        def pay() -> int:
            return guards.card_spend(
                parts=parts, reference=reference, acceptor_code=at, now=self.now
            )

        if self.act(refusal, pay) is not None:
            self.spends.append(self.books.spend(card, at, split, reference))

    @precondition(lambda self: self.spends)
    @rule(n=ANY, share=st.integers(1, 100), beyond=st.booleans())
    def refund(self, n: int, share: int, beyond: bool) -> None:
        self.now += timedelta(minutes=1)
        # Orders of closed cards are given back as often as others.
        closed = [s for s in self.spends if s.card.state == "closed"]
        spends = closed if closed and n % 2 else self.spends
        spend = spends[n % len(spends)]
        beyond = beyond and n % 3 == 0
        back = []
        for lot, left in spend.left:
            for kind in (model.PRINCIPAL, model.BONUS):
                amount = left[kind] + 1 if beyond else -(-left[kind] * share // 100)
                if amount and (left[kind] or not beyond):
                    back.append((lot, left, kind, amount))
        if not back:
            return
        values = {
            "items": [(lot.accounts[kind], amount) for lot, _left, kind, amount in back],
            "reference": spend.reference,
            "key": self.word("refund:"),
            "acceptor_code": spend.acceptor,
            "now": self.now,
        }
        refusal = ReversalTooLarge if beyond else None
        if self.act(refusal, lambda: guards.card_refund(**values)) is None:
            return
        for lot, left, kind, amount in back:
            left[kind] -= amount
            sales = f"sales.card:{spend.card.product.issuer}:{spend.acceptor}"
            self.books.into_lot(sales, lot, kind, amount)
        self.act(DuplicateTransfer, lambda: guards.card_refund(**values))

    # Time.

    @rule(days=st.sampled_from(DAYS))
    def wait(self, days: int) -> None:
        self.now = min(self.now + timedelta(days=days), max(self.now, self.world.last))

    @rule()
    def sweep(self) -> None:
        late = [h for h in self.holds if h.state == "open" and h.expires_at < self.now - GRACE]
        assert card_hold_expire(now=self.now) == len(late)
        for hold in late:
            hold.end("expired")
        over = [g for g in self.gifts if g.state == "offered" and g.expires_at <= self.now]
        assert card_gift.card_gift_expire(actor=SYSTEM, now=self.now) == len(over)
        for gift in over:
            gift.state, gift.card.state = "expired", "active"

    # What must hold after every step.

    @invariant()
    def as_the_model_says(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_CARDS)
            cards = {row[0]: row[1:] for row in cursor.fetchall()}
            cursor.execute(_LOTS)
            lots = {row[0]: row[1:] for row in cursor.fetchall()}
            cursor.execute(_BOOKS)
            books = dict(cursor.fetchall())
        assert cards == {c.pk: (c.no, c.state, c.holder, c.expires_at) for c in self.cards}
        assert lots == {
            x.pk: (c.pk, *x.left, *x.held, *x.accounts) for c in self.cards for x in c.lots
        }
        assert books == {code: n for code, n in self.books.gained.items() if n}

    @precondition(lambda self: self.cards)
    @invariant()
    def one_holder_sees_what_is_free(self) -> None:
        holder = self.cards[self.n % len(self.cards)].holder
        seen = {x.lot_id: [x.principal_fen, x.bonus_fen] for x in card_lots(member_id=holder)}
        # The selector looks at the real clock, which is later.
        assert seen == {
            lot.pk: lot.free
            for card in self.cards
            if card.holder == holder and card.usable(self.world.last + timedelta(hours=1))
            for lot in card.lots
            if any(lot.free)
        }


_CARDS = "SELECT id, no, state, member_id, expires_at FROM members_card"
_LOTS = """
SELECT l.id, l.card_id, p.balance, b.balance, p.held, b.held, p.id, b.id
FROM members_cardlot l
JOIN stores_account p ON p.id = l.principal_id JOIN stores_account b ON b.id = l.bonus_id
"""
_BOOKS = """
SELECT a.code, sum(x.amount)::bigint FROM (
  SELECT credit_id AS account_id, amount FROM stores_transfer
  UNION ALL SELECT debit_id, -amount FROM stores_transfer
) AS x JOIN stores_account a ON a.id = x.account_id
WHERE NOT a.guarded GROUP BY a.code HAVING sum(x.amount) <> 0
"""
