from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import CardNotUsable, card_hold, card_refund, card_spend
from members.models import CardPayback
from members.selectors import card_lots
from members.selectors_cards import card_value_fen
from members.services.card_close import (
    CardCashTooMuch,
    card_close_preview,
    card_close_refund,
)
from members.services.card_freeze import card_freeze
from members.services.card_gift import card_gift_offer
from members.services.card_identity import CardIdentityMissing, card_identity_record
from members.services.card_issue import card_issue
from members.services.card_transition import CardHasHolds
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Transfer
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_topup,
    publish_policy,
)

# For the mall's lines alone: there is no payment behind the money that came in.
pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture(autouse=True)
def _our_lines(db):
    yield
    ours = {line.code for line in audit.lines() if line.code.startswith(("ledger", "card"))}
    assert [f.line.code for f in audit.run(ours) if f.violations] == []


@pytest.fixture
def issuer():
    return make_operator(code="issuer")


@pytest.fixture
def member(now):
    member = make_member()
    card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    return member


@pytest.fixture
def card(member, issuer, now):
    """¥100 + ¥10, bought with WeChat."""
    product = make_card_product(operator=issuer, price_fen=10_000, bonus_fen=1_000)
    return card_issue(
        member_id=member.pk,
        card_product_id=product.pk,
        funding_account_id=accounts_ensure([AccountSpec("wechat:1900000001")])["wechat:1900000001"],
        reference="SO0",
        key="SO0:0",
        actor=SYSTEM,
        now=now,
    )


def spend(card, amount, now, reference="SO1"):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference=reference, acceptor_code="shop", now=now)
    return parts


def close(card, now, **fields):
    return card_close_refund(card_id=card.pk, reason="moving", actor=SYSTEM, now=now, **fields)


def lines(payback):
    rows = payback.lines.order_by("lot_id")
    return list(rows.values_list("reference", "way", "amount_fen", "charged_fen", "withdrawn_fen"))


def untouched(card):
    card.refresh_from_db()
    return card.state == "active" and not CardPayback.objects.exists()


def test_within_seven_days_the_principal_that_is_left_goes_back_the_way_it_came(card, now):
    spend(card, 5_500, now)
    payback = close(card, now + timedelta(days=7) - timedelta(seconds=1))

    assert (payback.amount_fen, payback.withdrawn_fen, payback.charged_fen) == (5_000, 500, 0)
    assert lines(payback) == [("SO0", "source", 5_000, 0, 500)]
    card.refresh_from_db()
    assert (card.state, card_value_fen(card.pk)) == ("closed", 0)
    rows = Transfer.objects.filter(reference=payback.no).order_by("id")
    assert [(t.code, t.credit.code, t.amount) for t in rows] == [
        ("card.payback", "card.payable:issuer", 5_000),
        ("bonus.withdraw", "bonus.withdrawn:issuer", 500),
    ]
    event = Event.objects.get(kind="members.card_paid_back")
    assert (event.subject_id, event.payload) == (
        card.pk,
        {"payback_id": payback.pk, "amount_fen": 5_000},
    )


@pytest.mark.parametrize(
    ("rule", "line"),
    [
        ("proportional", ("SO0", "source", 5_000, 0, 500)),
        ("withdraw", ("SO0", "source", 4_500, 500, 500)),
    ],
)
def test_after_seven_days_the_policy_says_what_spent_bonus_costs(card, now, rule, line):
    publish_policy(kind="cards", body={"v": 1, "refund_bonus": rule})
    spend(card, 5_500, now)
    payback = close(card, now + timedelta(days=7))
    assert lines(payback) == [line]
    assert payback.rule == rule
    charged = Transfer.objects.filter(code="card.charge")
    assert [(t.amount, t.credit.code) for t in charged] == (
        [(500, "bonus.withdrawn:issuer")] if rule == "withdraw" else []
    )
    assert card_value_fen(card.pk) == 0


def test_a_preview_says_what_closing_would_do_and_does_nothing(card, now):
    publish_policy(kind="cards", body={"v": 1, "refund_bonus": "withdraw"})
    spend(card, 5_500, now)
    make_topup(card, principal_fen=2_000, bonus_fen=300, now=now)
    shown = card_close_preview(card_id=card.pk, now=now + timedelta(days=7))
    assert [(x.amount_fen, x.charged_fen, x.withdrawn_fen, x.by_gateway) for x in shown] == [
        (4_500, 500, 500, True),
        (2_000, 0, 300, False),
    ]
    assert untouched(card)
    done = close(card, now + timedelta(days=7))
    assert [line[2:] for line in lines(done)] == [(4_500, 500, 500), (2_000, 0, 300)]


def test_each_lot_by_its_own_age_and_way(card, now):
    publish_policy(kind="cards", body={"v": 1, "refund_bonus": "withdraw"})
    spend(card, 11_000, now)
    later = now + timedelta(days=20)
    second = make_topup(card, principal_fen=5_000, bonus_fen=1_000, now=later)
    spend(card, 600, later, reference="SO2")
    payback = close(card, later + timedelta(days=1))
    # The first lot is spent; the second is young enough, and was paid at the desk.
    assert lines(payback) == [(second.reference, "transfer", 4_500, 0, 900)]


def test_what_the_gateway_takes_back_no_more_goes_by_transfer(card, now):
    assert lines(close(card, now + timedelta(days=365))) == [("SO0", "transfer", 10_000, 0, 1_000)]


def test_a_transfer_goes_to_somebody_known(issuer, now):
    card = make_card(make_member(), principal_fen=5_000, bonus_fen=0, operator=issuer, now=now)
    with pytest.raises(CardIdentityMissing):
        close(card, now)
    assert untouched(card)
    assert card_value_fen(card.pk) == 5_000


def test_up_to_a_hundred_yuan_in_cash(member, issuer, now):
    for amount in (10_000, 10_001):
        card = make_card(member, principal_fen=amount, bonus_fen=0, operator=issuer, now=now)
        if amount > 10_000:
            with pytest.raises(CardCashTooMuch) as refused:
                close(card, now, cash=True)
            assert refused.value.code == "card_cash_too_much"
            assert card_value_fen(card.pk) == amount
        else:
            (line,) = lines(close(card, now, cash=True))
            assert line[1:3] == ("cash", 10_000)


def test_an_empty_card_is_closed_without_anything_to_pay(card, now):
    spend(card, 11_000, now)
    payback = close(card, now)
    assert (payback.amount_fen, lines(payback)) == (0, [])
    with pytest.raises(CardNotUsable):
        close(card, now)
    assert CardPayback.objects.count() == 1


def test_an_order_that_waits_is_paid_or_ended_first(card, now):
    card_hold(
        card_id=card.pk,
        parts=card_split(card_lots(member_id=card.member_id), 1_100),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=SYSTEM,
        now=now,
    )
    with pytest.raises(CardHasHolds):
        close(card, now)
    assert untouched(card)


def test_an_offered_card_is_not_closed(card, now):
    card_gift_offer(card_id=card.pk, member_id=card.member_id, actor=SYSTEM, now=now)
    with pytest.raises(CardNotUsable):
        close(card, now)
    assert not CardPayback.objects.exists()


def test_a_frozen_card_may_be_closed_and_nothing_is_spent_afterwards(card, now):
    parts = card_split(card_lots(member_id=card.member_id), 1_100)
    card_freeze(card_id=card.pk, reason="asked", actor=SYSTEM, now=now)
    close(card, now)
    with pytest.raises(CardNotUsable), transaction.atomic():
        card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    assert card_lots(member_id=card.member_id) == []


def test_what_an_orders_refund_brings_to_a_closed_card_is_paid_out_too(card, now):
    parts = spend(card, 5_500, now)
    close(card, now)
    items = [(part.account_id, part.amount_fen) for part in parts]
    card_refund(items=items, reference="SO1", key="AS1", acceptor_code="shop", now=now)
    assert card_value_fen(card.pk) == 5_500

    payback = close(card, now)

    assert lines(payback) == [("SO0", "source", 5_000, 0, 500)]
    assert card_value_fen(card.pk) == 0
    steps = Event.objects.filter(kind="members.card_changed", subject_id=card.pk)
    assert steps.filter(to_state="closed").count() == 1


def test_bonus_is_charged_once_however_often_a_closed_card_is_paid_out(card, now):
    """Found as the model of tests.members.test_cards_model was written."""
    publish_policy(kind="cards", body={"v": 1, "refund_bonus": "withdraw"})
    parts = spend(card, 5_500, now)
    later = now + timedelta(days=7)
    assert lines(close(card, later)) == [("SO0", "source", 4_500, 500, 500)]
    card_refund(
        items=[(part.account_id, part.amount_fen) for part in parts],
        reference="SO1",
        key="RF1",
        acceptor_code="shop",
        now=later,
    )

    (shown,) = card_close_preview(card_id=card.pk, now=later)
    again = close(card, later)

    # And what was charged for the bonus that came back is given back: ¥100 were paid in all.
    assert (shown.amount_fen, shown.charged_fen, shown.withdrawn_fen) == (5_500, 0, 500)
    assert shown.returned_fen == 500
    assert lines(again) == [("SO0", "source", 5_500, 0, 500)]
    assert (again.returned_fen, again.lines.get().returned_fen) == (500, 500)
    back = Transfer.objects.get(code="card.uncharge")
    assert (back.debit.code, back.credit.code, back.amount, back.reference) == (
        "bonus.withdrawn:issuer",
        "card.payable:issuer",
        500,
        again.no,
    )


@pytest.mark.parametrize(
    ("principal", "bonus", "amount", "charged", "returned"),
    [
        (9_900, 500, 9_510, 390, 0),
        (0, 890, 0, 0, 0),
        (0, 940, 50, 0, 50),
        (0, 990, 100, 0, 100),
    ],
)
def test_only_bonus_that_had_been_paid_for_brings_its_charge_back(
    card, now, principal, bonus, amount, charged, returned
):
    # given 990 of 1,000 bonus spent, and only 100 of principal left that could be charged for it
    publish_policy(kind="cards", body={"v": 1, "refund_bonus": "withdraw"})
    parts = spend(card, 10_890, now)
    later = now + timedelta(days=7)
    assert lines(close(card, later)) == [("SO0", "source", 0, 100, 10)]

    # when an order brings some of it back to the closed card
    accounts = {part.kind: part.account_id for part in parts}
    items = [
        (accounts[kind], fen)
        for kind, fen in (("card_principal", principal), ("card_bonus", bonus))
        if fen
    ]
    card_refund(items=items, reference="SO1", key="RF1", acceptor_code="shop", now=later)
    again = close(card, later)

    # then of the 890 that were not charged for nothing is given back
    line = again.lines.get()
    assert (line.amount_fen, line.charged_fen, line.returned_fen) == (amount, charged, returned)
    assert (line.state, line.paid_at) == (("waiting", None) if amount else ("paid", later))


def test_an_unknown_card(now):
    with pytest.raises(NotFound):
        card_close_refund(card_id=0, reason="?", actor=SYSTEM, now=now)
