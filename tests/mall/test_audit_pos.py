"""The audit lines of tills' tickets see what is planted."""

import pytest

from config.kernel.actors import Actor
from mall.models import PosTicket
from mall.services.pos_pay import pos_pay
from mall.services.pos_refund import pos_refund
from mall.services.pos_till import Till
from members.services.member_code_issue import member_code_issue
from tests.factories import make_card, make_member, make_terminal
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]
CASHIER = Actor("terminal", "TM1/0007")


@pytest.fixture
def ticket(now):
    """¥110 by card of a sale of ¥150, of which ¥11 went back."""
    terminal, _key = make_terminal()
    store = terminal.store
    till = Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
        terminal_id=terminal.pk,
    )
    card = make_card(make_member())
    code = member_code_issue(member_id=card.member_id, now=now).token
    pos_pay(
        till=till,
        ticket_no="T-1",
        total_fen=15_000,
        card_fen=11_000,
        code=code,
        actor=CASHIER,
        now=now,
    )
    pos_refund(till=till, number="T-1", refund_no="R-1", amount_fen=1_100, actor=CASHIER, now=now)
    assert fired() == []
    return PosTicket.objects.get()


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("mall_posticket", "UPDATE mall_posticket SET card_fen = card_fen - 1"),
        ("mall_postender", "UPDATE mall_postender SET amount_fen = amount_fen + 1"),
        (
            "mall_postender",
            "UPDATE mall_postender SET account_id = (SELECT min(id) FROM stores_account)"
            " WHERE position = 1",
        ),
    ],
)
def test_pos_captured(ticket, table, change):
    plant(change, table=table, drop="mall_postender_once" if "account_id" in change else "")

    assert "pos.captured" in fired()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mall_posticket SET refunded_fen = refunded_fen + 1",
        "UPDATE mall_posticket SET other_refunded_fen = 1",
        "UPDATE mall_postender SET refunded_fen = refunded_fen + 1 WHERE position = 0",
        "UPDATE mall_posrefund SET amount_fen = amount_fen + 1",
        "UPDATE mall_posrefundline SET amount_fen = amount_fen + 1",
    ],
)
def test_pos_refunds(ticket, change):
    plant(change, table=change.split()[1])

    assert "pos.refunds" in fired()


def test_refund_restored_of_a_ticket(ticket):
    plant(
        "UPDATE stores_transfer SET amount = amount - 1 WHERE code = 'card.refund'",
        table="stores_transfer",
    )

    assert "refund.restored" in fired()


def test_pos_ticket_states(ticket):
    plant(
        "UPDATE mall_posticket SET state = 'voided', ended_at = now()",
        table="mall_posticket",
        drop="mall_posticket_ended_stamped",
    )

    assert "pos_ticket.states" in fired()
