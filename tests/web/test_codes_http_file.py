"""docs/api/codes.http is sent, request by request, to a running mall: every step succeeds."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from config.kernel.actors import SYSTEM
from config.kernel.numbers import code_shown
from coupons.models import Coupon
from coupons.services.coupon_scan import place_code_issue
from guides.models import Touch
from guides.services.code_create import code_create
from mall.models import Order
from members.activation import activation_code
from members.models import Card
from members.services.card_batch import card_batch_make, card_batch_sell
from stores.ledger import AccountSpec, accounts_ensure
from tests.factories import (
    make_basket,
    make_card_product,
    make_guide,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_template,
    moment,
    session_token,
)
from tests.web.test_http_file import Editor

FILE = Path(settings.BASE_DIR) / "docs" / "api" / "codes.http"


@pytest.mark.django_db(transaction=True)
def test_each_code_of_the_file_does_what_it_says(live_server):
    # given
    now = moment()
    member, store = make_member(), make_store()
    guide = make_guide(store=store)
    sku = make_product(skus=[12_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=3)
    template = make_template(operator=store.operator, public=False, value=1_000)
    product = make_card_product(
        operator=store.operator, named=False, bonus_fen=0, limit_fen=100_000
    )
    batch = card_batch_sell(
        card_product_id=product.pk,
        count=1,
        payer="company",
        way="transfer",
        funding_account_id=accounts_ensure([AccountSpec("bank:x")])["bank:x"],
        reference="HT-1",
        key="HT-1",
        actor=SYSTEM,
        now=now,
    )
    card_batch_make(batch_id=batch.pk)
    basket = make_basket(guide=guide, store=store, lines=[(sku, 2)], now=now)
    text = FILE.read_text(encoding="utf-8")
    for name, value in (
        ("member_token", session_token(member.user)),
        ("guide_code", code_create(guide_id=guide.pk, actor=SYSTEM, now=now).token),
        ("place_code", place_code_issue(template_id=template.pk, place="一楼", now=now).token),
        # As people type: small letters, and an o where a zero stands.
        ("card_code", code_shown(activation_code(batch.no, 1)).lower().replace("0", "o")),
        ("basket", basket.code.token),
    ):
        text, changed = re.subn(rf"^@{name} = .*$", f"@{name} = {value}", text, flags=re.MULTILINE)
        assert changed == 1

    # when
    editor = Editor(live_server.url)
    preamble, *blocks = re.split(r"^###.*\n", text, flags=re.MULTILINE)
    editor.send(re.sub(r"^#.*\n", "", preamble, flags=re.MULTILINE))
    for block in blocks:
        answer = editor.send(block)
        assert answer is not None, block
        assert answer.status_code in (200, 201), f"{answer.request.url}: {answer.text[:300]}"

    # then: the coupon of the poster and the company's card pay the guide's basket
    order = Order.objects.get()
    assert (order.member_id, order.state) == (member.pk, "paid")
    assert (order.total_fen, order.discount_fen) == (23_000, 1_000)
    assert Coupon.objects.get().source == "scan"
    assert Card.objects.get().member_id == member.pk
    assert Touch.objects.filter(member=member).count() == 2


def test_the_file_is_served():
    answer = Client().get("/api/v1/docs/codes.http")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == FILE.read_text(encoding="utf-8")
