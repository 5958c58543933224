"""docs/api/pos.http is sent, request by request, to a running mall: every step succeeds."""

from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from coupons.models import CouponTicket
from mall.models import PosTicket, StoreSale
from tests.factories import (
    make_card,
    make_card_product,
    make_coupon,
    make_member,
    make_template,
    make_terminal,
    session_token,
)
from tests.web.test_http_file import Editor, with_values

FILE = Path(settings.BASE_DIR) / "docs" / "api" / "pos.http"

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_file_is_one_day_at_a_till(live_server):
    member = make_member()
    card = make_card(member)
    terminal, key = make_terminal()
    make_coupon(member, template=make_template(operator=terminal.store.operator))
    text = with_values(
        FILE.read_text(encoding="utf-8"),
        terminal_key=key,
        member_token=session_token(member.user),
        card_product=make_card_product(operator=terminal.store.operator).code,
    )
    for answer in Editor(live_server.url).send_all(text):
        assert answer.status_code in (200, 201), f"{answer.request.url}: {answer.text[:300]}"

    tickets = PosTicket.objects.order_by("pk")
    assert [(t.state, t.card_fen, t.refunded_fen) for t in tickets] == [
        ("paid", 20_000, 6_700),
        ("voided", 1_200, 1_200),
        ("voided", 0, 0),
    ]
    lots = card.lots.select_related("principal", "bonus").order_by("pk")
    assert [lot.principal.balance + lot.bonus.balance for lot in lots] == [
        55_000 - 20_000 + 6_700,
        0,
    ]
    sales = StoreSale.objects.order_by("pk")
    assert [(s.way, s.voided_at is None) for s in sales] == [("cash", False), ("bank_card", True)]
    assert [(t.state, t.returned_discount_fen) for t in CouponTicket.objects.all()] == [
        ("reversed", 1_000)
    ]


def test_the_file_is_served():
    answer = Client().get("/api/v1/docs/pos.http")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == FILE.read_text(encoding="utf-8")
