import pytest

from config.kernel.actors import SYSTEM
from config.kernel.approvals import ApprovalPending, approval_decide, approval_kind
from config.kernel.errors import Conflict
from members.cards import card_split
from members.guards import card_spend
from members.models import CardPayback
from members.selectors import card_lots
from members.selectors_cards import card_value_fen
from members.services.card_close_approval import card_close_approval
from members.services.card_identity import CardIdentityMissing, card_identity_record
from tests.factories import make_card, make_member, make_operator, make_staff

pytestmark = pytest.mark.django_db


@pytest.fixture
def card(now):
    member = make_member()
    card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    return make_card(member, principal_fen=30_000, bonus_fen=3_000, now=now)


@pytest.fixture
def clerk(card):
    return make_staff(role="service", operator=card.operator)


def close(card, user, now):
    return card_close_approval(card_id=card.pk, reason="moving", user=user, now=now)


def spend(card, amount, now):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference="SO1", acceptor_code="shop", now=now)


def test_a_little_is_paid_back_alone(card, clerk, now):
    spend(card, 11_000, now)
    assert close(card, clerk, now) is None
    assert CardPayback.objects.get().amount_fen == 20_000


def test_much_waits_for_another(card, clerk, now):
    request = close(card, clerk, now)
    assert (request.kind, request.amount_fen) == ("members.card_close", 30_000)
    words = approval_kind("members.card_close").describe(request)
    assert card.no in words and "¥300.00" in words
    with pytest.raises(ApprovalPending):
        close(card, clerk, now)
    assert not CardPayback.objects.exists()

    checker = make_staff(role="finance", operator=card.operator)
    approval_decide(approval_id=request.pk, approve=True, user=checker, now=now)

    card.refresh_from_db()
    assert (card.state, card_value_fen(card.pk)) == ("closed", 0)
    assert CardPayback.objects.get().reason == "moving"


def test_what_has_been_spent_meanwhile_is_asked_for_again(card, clerk, now):
    request = close(card, clerk, now)
    spend(card, 110, now)
    checker = make_staff(role="finance", operator=card.operator)
    with pytest.raises(Conflict):
        approval_decide(approval_id=request.pk, approve=True, user=checker, now=now)
    card.refresh_from_db()
    request.refresh_from_db()
    assert (card.state, request.state) == ("active", "pending")
    assert not CardPayback.objects.exists()


def test_who_is_not_on_record_gets_no_transfer_however_many_agree(clerk, card, now):
    other = make_card(make_member(), operator=make_operator(), principal_fen=1_000, now=now)
    with pytest.raises(CardIdentityMissing):
        close(other, make_staff(role="service", operator=other.operator), now)
    assert card_value_fen(other.pk) == 6_000
