"""Random lives of cards against the plain model of ``tests.members.card_model``.

After every step each lot's balance and what is set aside of it, each card's state, number, holder
and date, and every account of the books are what the model says; after every life the audit is
clean. A refusal is the one the model foresees, and has changed nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError, IllegalTransition, NotFound
from members import guards
from members import models as db
from members.cards import CardPart
from members.guards_part import CaptureInvalid
from members.selectors import card_lots
from members.services import (
    card_close,
    card_freeze,
    card_gift,
    card_holder,
    card_issue,
    card_lost,
    card_reactivate,
    card_replace,
    card_topup,
)
from members.services.card_hold_expire import GRACE, card_hold_expire
from members.services.card_identity import CardIdentityMissing, card_identity_record
from members.services.card_lot import CardAmountRefused, CardLimitExceeded
from members.services.card_transition import CardHasHolds
from stores.ledger import (
    AccountSpec,
    DuplicateTransfer,
    InsufficientFunds,
    ReversalTooLarge,
    accounts_ensure,
)
from tests.factories import make_card_product, make_member, make_operator, publish_policy
from tests.members import card_model as model
from tests.members.model_profile import PARTS, model_settings

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


class CardLives(RuleBasedStateMachine):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.life = transaction.atomic()
        self.life.__enter__()
        self.now = self.world.start
        self.n = 0
        self.cards: list[model.Card] = []
        self.holds: list[model.Hold] = []
        self.spends: list[model.Spend] = []
        self.gifts: list[model.Gift] = []
        self.books = model.Books()

    def teardown(self) -> None:
        try:
            # Nothing that should have ended outlives the life.
            self.now += timedelta(days=1)
            self.sweep()
            self.as_the_model_says()
            lines = {x.code for x in audit.lines() if x.code.startswith(("ledger", "card"))}
            assert [(f.line.code, f.sample) for f in audit.run(lines) if f.violations] == []
        finally:
            transaction.set_rollback(True)
            self.life.__exit__(None, None, None)

    # What every step does.

    def act(self, refusal: type[DomainError] | None, call: Callable[[], Any]) -> Any:
        """The answer of ``call``; None when it refused, as it should."""
        answer, refused = None, None
        try:
            with transaction.atomic():
                answer = call()
        except DomainError as error:
            refused = error
        assert (refused and type(refused)) is refusal
        return answer

    def word(self, prefix: str) -> str:
        self.n += 1
        return f"{prefix}{self.n}"

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

    @rule(n=ANY, share=SHARE, at=st.sampled_from(("", *ACCEPTORS)), minutes=st.integers(1, 300))
    def hold(self, n: int, share: int, at: str, minutes: int) -> None:
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

    # What becomes of the card.

    def stopped(self, card: model.Card, state: str, call: Callable[..., Any]) -> None:
        allowed = {"frozen": ("active", "lost", "offered"), "lost": ("active", "frozen", "offered")}
        refusal = None if card.state in allowed[state] else IllegalTransition
        values = {"card_id": card.pk, "reason": "asked", "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: call(**values)) is not None:
            gift = self.open_gift(card)
            if gift is not None:
                gift.state = "taken_back"
            card.state = state

    @rule(n=ANY)
    def freeze(self, n: int) -> None:
        self.stopped(self.card(n), "frozen", card_freeze.card_freeze)

    @rule(n=ANY)
    def report_lost(self, n: int) -> None:
        self.stopped(self.card(n), "lost", card_lost.card_report_lost)

    @rule(n=ANY)
    def let_go_on(self, n: int) -> None:
        """One that is stopped, if there is one: lives are not to end in ice."""
        stopped = [c for c in self.cards if c.state in ("frozen", "lost")]
        card = stopped[n % len(stopped)] if stopped and n % 5 else self.card(n)
        self.now += timedelta(minutes=1)
        refusal = None if card in stopped else IllegalTransition
        values = {"card_id": card.pk, "reason": "found", "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: card_freeze.card_unfreeze(**values)) is not None:
            card.state = "active"

    @rule(n=ANY)
    def replace(self, n: int) -> None:
        card = self.card(n)
        refusal = None if card.state in ("active", "lost") else guards.CardNotUsable
        values = {"card_id": card.pk, "reason": "worn", "actor": SYSTEM, "now": self.now}
        row = self.act(refusal, lambda: card_replace.card_replace(**values))
        if row is not None:
            assert row.no not in {c.no for c in self.cards}
            card.state, card.no = "active", row.no

    @rule(n=ANY, who=ANY)
    def change_holder(self, n: int, who: int) -> None:
        card, member = self.card(n), self.world.members[who % len(self.world.members)]
        refusal: type[DomainError] | None = None
        if card.state != "active" or card.holder == member:
            refusal = guards.CardNotUsable
        elif self.has_holds(card):
            refusal = CardHasHolds
        elif not self.may_hold(member, card.product):
            refusal = CardIdentityMissing
        change = card_holder.card_transfer_holder
        values = {"card_id": card.pk, "reason": "heir", "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: change(to_member_id=member, **values)) is not None:
            card.holder = member

    @rule(n=ANY, stranger=st.booleans())
    def offer(self, n: int, stranger: bool) -> None:
        card = self.card(n)
        stranger = stranger and n % 4 == 0
        giver = next(m for m in self.world.members if (m != card.holder) == stranger)
        refusal: type[DomainError] | None = None
        if stranger:
            refusal = NotFound
        elif not card.usable(self.now):
            refusal = guards.CardNotUsable
        elif self.has_holds(card):
            refusal = CardHasHolds
        elif not card.value:
            refusal = card_gift.CardEmpty
        values = {"card_id": card.pk, "member_id": giver, "actor": SYSTEM, "now": self.now}
        row = self.act(refusal, lambda: card_gift.card_gift_offer(**values))
        if row is not None:
            assert row.value_fen == card.value
            ends = self.now + timedelta(days=3)
            self.gifts.append(model.Gift(row.no, row.token, card, giver, ends))
            card.state = "offered"

    @precondition(lambda self: self.gifts)
    @rule(n=ANY, who=ANY)
    def accept(self, n: int, who: int) -> None:
        self.now += timedelta(minutes=1)
        gift = self.gifts[-1 - n % min(len(self.gifts), 3)]
        member = self.world.members[who % len(self.world.members)]
        refusal: type[DomainError] | None = None
        if member == gift.giver:
            refusal = card_gift.GiftOwn
        elif gift.expires_at <= self.now:
            refusal = card_gift.GiftEnded
        elif not self.may_hold(member, gift.card.product):
            refusal = CardIdentityMissing
        elif gift.state != "offered":
            refusal = card_gift.GiftEnded
        elif gift.card.expired(self.now):
            refusal = guards.CardNotUsable
        values = {"token": gift.token, "member_id": member, "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: card_gift.card_gift_accept(**values)) is not None:
            gift.state, gift.card.state, gift.card.holder = "accepted", "active", member

    @precondition(lambda self: self.gifts)
    @rule(n=ANY)
    def take_back(self, n: int) -> None:
        self.now += timedelta(minutes=1)
        gift = self.gifts[n % len(self.gifts)]
        refusal = None if gift.state == "offered" else card_gift.GiftEnded
        values = {"gift_no": gift.no, "member_id": gift.giver, "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: card_gift.card_gift_take_back(**values)) is not None:
            gift.state, gift.card.state = "taken_back", "active"

    @rule(n=ANY, cash=st.booleans())
    def close(self, n: int, cash: bool) -> None:
        card = self.card(n)
        reached = [c for c in self.cards if c.state == "closed" and c.value]
        card = reached[0] if reached and n % 2 else card
        refusal: type[DomainError] | None = None
        if self.has_holds(card):
            refusal = CardHasHolds
        elif card.state == "offered" or (card.state == "closed" and not card.value):
            refusal = guards.CardNotUsable
        year = timedelta(days=365)
        preview = card_close.card_close_preview(card_id=card.pk, now=self.now)
        young = {x.pk for x in card.lots if x.by_gateway and self.now < x.created_at + year}
        assert {x.lot_id for x in preview if x.by_gateway} == young & {x.lot_id for x in preview}
        elsewhere = sum(x.amount_fen for x in preview if x.lot_id not in young)
        if refusal is None and elsewhere:
            if card.holder not in self.world.on_record:
                refusal = CardIdentityMissing
            elif cash and elsewhere > 10_000:
                refusal = card_close.CardCashTooMuch
        values = {"card_id": card.pk, "reason": "moving", "actor": SYSTEM, "now": self.now}
        row = self.act(refusal, lambda: card_close.card_close_refund(cash=cash, **values))
        if row is not None:
            booked = (row.amount_fen, row.charged_fen, row.withdrawn_fen)
            assert booked == self.books.pay_back(card, self.now)
            assert row.amount_fen == sum(x.amount_fen for x in preview)

    @rule(n=ANY)
    def reactivate(self, n: int) -> None:
        card = self.card(n)
        lives = card.state != "active" or not card.expired(self.now)
        refusal = card_reactivate.CardNotExpired if lives else None
        values = {"card_id": card.pk, "reason": "asked", "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: card_reactivate.card_reactivate(**values)) is not None:
            card.expires_at = self.now + timedelta(days=365)

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


@pytest.fixture
def world(db, now: datetime) -> World:
    start = now - timedelta(days=2_000)
    issuers = {
        "one": ("proportional", "withdraw"),
        "two": ("principal_first", "proportional"),
        "three": ("bonus_first", "withdraw"),
    }
    products = []
    for code, (consume, refund_bonus) in issuers.items():
        body = {"v": 1, "consume": consume, "refund_bonus": refund_bonus}
        publish_policy(
            kind="cards", scope=code, body=body, effective_from=start - timedelta(days=1)
        )
        operator = make_operator(code=code)
        for named in (True, False):
            limit = 500_000 if named else 100_000
            row = make_card_product(
                operator=operator,
                named=named,
                price_fen=10_000,
                bonus_fen=0,
                limit_fen=limit,
                min_fen=10,
                max_fen=400_000,
            )
            products.append(
                model.Product(row.pk, code, consume, refund_bonus, named, limit, 10, 400_000)
            )
    members = [make_member(phone="" if n else None).pk for n in range(5)]
    on_record = set(members[2:4])
    for n, member in enumerate(sorted(on_record)):
        card_identity_record(
            member_id=member,
            name="张三丰",
            number=("11010519491231002X", "440524188001010014")[n],
            actor=SYSTEM,
            now=start,
        )
    funding = accounts_ensure([AccountSpec(f"cash:{c}") for c in issuers] + [AccountSpec(WECHAT)])
    last = now - timedelta(hours=10)
    return World(start, last, members, set(members[1:]), on_record, products, funding)


@pytest.mark.parametrize("part", range(PARTS))
def test_cards_live_as_the_model_says(world: World, part: int) -> None:
    lives = type("Lives", (CardLives,), {"world": world})
    run_state_machine_as_test(lives, settings=model_settings())
