"""Random lives of cards against the plain model of ``tests.members.card_model``.

After every step each lot's balance and what is set aside of it, each card's state, number, holder
and date, and every account of the books are what the model says; after every life the audit is
clean. A refusal is the one the model foresees, and has changed nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    precondition,
    rule,
    run_state_machine_as_test,
)

from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError, IllegalTransition, NotFound
from members import guards
from members.services import (
    card_close,
    card_freeze,
    card_gift,
    card_holder,
    card_lost,
    card_reactivate,
    card_replace,
)
from members.services.card_identity import CardIdentityMissing, card_identity_record
from members.services.card_transition import CardHasHolds
from stores.ledger import (
    AccountSpec,
    accounts_ensure,
)
from tests.factories import make_card_product, make_member, make_operator, publish_policy
from tests.members import card_model as model
from tests.members.card_lives import ANY, WECHAT, ValueLives, World
from tests.members.model_profile import PARTS, model_settings


class CardLives(ValueLives):
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

    @rule(n=ANY, stranger=st.booleans(), taker=st.one_of(st.none(), ANY))
    def offer(self, n: int, stranger: bool, taker: int | None) -> None:
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
            if taker is not None:
                self.accept(0, taker)

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
