"""One page says everything about a member and about an order, to whoever may know it."""

import re

import pytest
from django.urls import reverse

from config.kernel.actors import Actor
from config.kernel.events import record
from mall.events import OrderPlaced
from mall.models import Order
from stores.states import Role
from tests.factories import make_staff, make_user, moment, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def page(client, row):
    opts = row._meta
    answer = client.get(reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]))
    assert answer.status_code == 200
    return answer


def titles(answer) -> set[str]:
    return {panel.title for panel in answer.context["panels"]}


def test_a_member_on_one_page():
    sale, foreign = Sale(), Sale()
    answer = page(staff_client(make_user(superuser=True)), sale.member)

    assert titles(answer) == {
        "储值卡",
        "优惠券",
        "订单",
        "售后",
        "消息",
        "客户绑定",
        "充值优惠使用记录",
        "储值卡预警",
        "实名登记",
        "收银小票",
        "积分预留",
        "会员等级周期",
        "付费会员",
        "赠卡",
        "领取判定",
        "会员的标签",
        "代选购物篮",
    }
    text = answer.content.decode()
    for number in (sale.card.no, sale.coupon.no, sale.order.no, sale.after_sale.no):
        assert number in text
    for number in (foreign.card.no, foreign.coupon.no, foreign.order.no):
        assert number not in text
    labels = [str(label) for label, _text in answer.context["figures"]]
    assert labels[:3] == ["可用储值", "其中赠送金", "积分"]
    # What happened to their orders is part of their history.
    assert any(entry["event"].subject_type == "order" for entry in answer.context["timeline"])


def test_an_order_says_who_earns_by_it():
    sale = Sale()
    answer = page(staff_client(make_user(superuser=True)), sale.order)

    assert {"业绩归属", "佣金明细", "自提单"} <= titles(answer)
    assert sale.guide.name in answer.content.decode()


def test_panels_hold_what_the_reader_would_see_in_lists():
    sale = Sale()
    clerk = make_staff(store=sale.store, role=Role.CLERK)
    answer = page(staff_client(clerk), sale.order)

    # Neither members' coupons nor guides' pay are a clerk's business.
    assert titles(answer) == {"自提单"}


def test_more_than_shown_leads_to_the_list():
    sale = Sale()
    client = staff_client(make_user(superuser=True))
    for _ in range(9):
        Order.objects.filter(pk=Sale().order.pk).update(member=sale.member)
    answer = page(client, sale.member)

    orders = next(p for p in answer.context["panels"] if p.title == "订单")
    assert len(orders.rows) == 8
    found = client.get(orders.more)
    assert len(found.context["cl"].result_list) == 10
    assert re.search(r"q=" + sale.member.no, orders.more)


def test_the_history_names_members_by_their_number():
    sale = Sale()
    record(
        [OrderPlaced(subject_id=sale.order.pk, member_id=sale.member.pk)],
        actor=Actor("member", str(sale.member.pk)),
        now=moment(),
    )
    answer = page(staff_client(make_user(superuser=True)), sale.order)
    named = {e["who"] for e in answer.context["timeline"] if e["event"].actor_kind == "member"}
    assert named == {sale.member.no}
