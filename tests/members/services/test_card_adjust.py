import pytest

from config.kernel.actors import SYSTEM
from config.kernel.approvals import (
    ApprovalOwn,
    ApprovalPending,
    approval_decide,
    approval_kind,
)
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.cards import card_split
from members.guards import CardNotUsable, card_spend
from members.models import CardLot
from members.selectors import card_lots
from members.selectors_cards import card_value_fen
from members.services.card_adjust import card_adjust
from members.services.card_freeze import card_freeze
from members.services.card_lot import CardAmountRefused, CardLimitExceeded
from stores.ledger import InsufficientFunds
from stores.models import Transfer
from tests.factories import make_card, make_member, make_operator, make_staff, make_topup
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    """¥100 + ¥10, and ¥50 + ¥20."""
    card = make_card(
        make_member(), principal_fen=10_000, bonus_fen=1_000, operator=make_operator(code="issuer")
    )
    make_topup(card, principal_fen=5_000, bonus_fen=2_000, now=now)
    return card


@pytest.fixture
def maker():
    return make_staff(role="finance")


@pytest.fixture
def checker():
    return make_staff(role="finance")


def ask(card, maker, now, bonus_fen=500):
    return card_adjust(
        card_id=card.pk, bonus_fen=bonus_fen, reason="slow at the till", user=maker, now=now
    )


def decide(request, checker, now, approve=True):
    return approval_decide(approval_id=request.pk, approve=approve, user=checker, now=now)


def bonuses(card):
    return [lot.bonus_fen for lot in card_lots(member_id=card.member_id)]


def test_one_asks_and_another_puts_bonus_on_the_card(card, maker, checker, now):
    request = ask(card, maker, now)
    assert (request.amount_fen, bonuses(card)) == (500, [1_000, 2_000])
    assert "¥5.00" in approval_kind("members.card_adjust").describe(request)
    with pytest.raises(ApprovalOwn):
        decide(request, maker, now)
    with pytest.raises(ApprovalPending):
        ask(card, maker, now)

    decide(request, checker, now)

    assert bonuses(card) == [1_000, 2_000, 500]
    row = Transfer.objects.get(code="card.adjust")
    assert (row.debit.code, row.reference) == ("bonus.granted:issuer", request.no)
    event = Event.objects.get(kind="members.card_adjusted")
    assert (event.reason, event.actor_id, event.payload) == (
        "slow at the till",
        str(checker.pk),
        {"approval_id": request.pk, "bonus_fen": 500},
    )
    # And it is spent like any other.
    parts = card_split(card_lots(member_id=card.member_id), 18_500)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)
    assert card_value_fen(card.pk) == 0


def test_bonus_is_taken_off_the_oldest_lots_first(card, maker, checker, now):
    request = ask(card, maker, now, bonus_fen=-1_500)
    decide(request, checker, now)
    assert bonuses(card) == [0, 1_500]
    rows = Transfer.objects.filter(code="card.adjust").order_by("id")
    assert [(t.credit.code, t.amount) for t in rows] == [
        ("bonus.withdrawn:issuer", 1_000),
        ("bonus.withdrawn:issuer", 500),
    ]


def test_principal_is_never_taken(card, maker, checker, now):
    # given all the bonus is asked for, and some of it spent before it is decided
    with pytest.raises(InsufficientFunds):
        ask(card, maker, now, bonus_fen=-3_001)
    request = ask(card, maker, now, bonus_fen=-3_000)
    spend = card_split(card_lots(member_id=card.member_id), 11)
    card_spend(parts=spend, reference="S", acceptor_code="issuer", now=now)

    # when
    with pytest.raises(InsufficientFunds):
        decide(request, checker, now)

    # then
    request.refresh_from_db()
    assert (request.state, bonuses(card)) == ("pending", [999, 2_000])


def test_what_is_refused_changes_nothing(card, maker, checker, now):
    decide(ask(card, maker, now), checker, now, approve=False)
    assert bonuses(card) == [1_000, 2_000]
    assert CardLot.objects.count() == 2


def test_the_limit_holds_for_goodwill_too(card, maker, now):
    with pytest.raises(CardLimitExceeded):
        ask(card, maker, now, bonus_fen=482_001)
    request = ask(card, maker, now, bonus_fen=482_000)
    make_topup(card, principal_fen=1, bonus_fen=0, now=now)
    with pytest.raises(CardLimitExceeded):
        decide(request, make_staff(role="headquarters"), now)
    assert card_value_fen(card.pk) == 18_001


def test_a_stopped_card_is_not_adjusted(card, maker, checker, now):
    request = ask(card, maker, now)
    card_freeze(card_id=card.pk, reason="fraud", actor=SYSTEM, now=now)
    with pytest.raises(CardNotUsable):
        decide(request, checker, now)
    with pytest.raises(CardNotUsable):
        ask(card, maker, now)
    assert card_value_fen(card.pk) == 18_000


def test_nothing_is_no_adjustment(card, maker, now):
    with pytest.raises(CardAmountRefused):
        ask(card, maker, now, bonus_fen=0)
    with pytest.raises(NotFound):
        card_adjust(card_id=0, bonus_fen=1, reason="?", user=maker, now=now)


@pytest.mark.corrupts
def test_an_adjustment_that_nobody_approved(card, maker, checker, now):
    decide(ask(card, maker, now), checker, now)
    assert fired() == []
    plant(
        "UPDATE stores_transfer SET reference = 'AP0' WHERE code = 'card.adjust'",
        table="stores_transfer",
    )
    assert fired() == ["card.adjusted"]
