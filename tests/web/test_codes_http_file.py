"""docs/api/codes.http is sent, request by request, to a running mall: every step succeeds."""

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
from tests.factories import (
    make_basket,
    make_card_batch,
    make_guide,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_template,
    moment,
    session_token,
)
from tests.web.test_http_file import Editor, with_values

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
    batch = make_card_batch(operator=store.operator, now=now)
    basket = make_basket(guide=guide, store=store, lines=[(sku, 2)], now=now)
    text = with_values(
        FILE.read_text(encoding="utf-8"),
        member_token=session_token(member.user),
        guide_code=code_create(guide_id=guide.pk, actor=SYSTEM, now=now).token,
        place_code=place_code_issue(template_id=template.pk, place="一楼", now=now).token,
        # As people type: small letters, and an o where a zero stands.
        card_code=code_shown(activation_code(batch.no, 1)).lower().replace("0", "o"),
        basket=basket.code.token,
    )

    # when
    for answer in Editor(live_server.url).send_all(text):
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
