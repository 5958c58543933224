"""The inbox: what waits for whom, what a request says, and its three buttons."""

import time
from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.actors import Actor
from config.kernel.approvals import approval_decide, approval_request
from config.kernel.models import Event
from mall.models import Refund
from mall.services.aftersale import aftersale_request
from mall.services.aftersale_approval import aftersale_approval
from tests.factories import (
    make_member,
    make_offer,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
    staff_client,
)
from tests.factories.orders import pay_order, place_order

pytestmark = pytest.mark.django_db

LIST = reverse("admin:kernel_approval_changelist")
LIST_STATEMENTS = 12


@pytest.fixture
def store():
    return make_store(operator=make_operator(name="新光"), name="南京东路店")


@pytest.fixture
def sku(store):
    sku = make_product(name="羊毛衫", skus=[60_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=20)
    return sku


@pytest.fixture
def after_sale(store, sku, now):
    """¥600.00: above what a manager refunds alone."""
    order = place_order(make_member(), store=store, lines=[(sku, 2)], now=now)
    pay_order(order, now=now)
    return aftersale_request(
        order_no=order.no,
        lines=[(0, 1)],
        reason="不合适",
        actor=Actor.member(order.member_id),
        now=now,
    )


def at(store, role, **fields):
    return make_staff(store=store, role=role, **fields)


@pytest.fixture
def maker(store):
    return at(store, "manager")


@pytest.fixture
def checker(store):
    return at(store, "manager")


@pytest.fixture
def request_(after_sale, maker, now):
    return aftersale_approval(after_sale_no=after_sale.no, reason="质量问题", user=maker, now=now)


def page(row):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])


def command(row, name):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_command", args=[row.pk, name])


def said(answer):
    return [str(message) for message in answer.context["messages"]]


# --- asking -----------------------------------------------------------------------------------


def test_the_same_button_files_a_request_above_the_limit_and_says_so(after_sale, maker):
    client = staff_client(maker)

    answer = client.post(command(after_sale, "approve"), {"reason": "质量问题"}, follow=True)

    after_sale.refresh_from_db()
    assert after_sale.state == "requested" and not Refund.objects.exists()
    event = Event.objects.get(kind="kernel.approval_changed")
    assert event.reason == "质量问题"
    [message] = said(answer)
    assert "审批" in message
    # It is part of the after-sale's history, and asking again is refused in words.
    assert "待审批" in client.get(page(after_sale)).content.decode()
    again = client.post(command(after_sale, "approve"), {"reason": "再来"})
    assert again.status_code == 409
    assert Event.objects.filter(kind="kernel.approval_changed").count() == 1


def test_within_the_limit_the_button_does_it(after_sale, store):
    client = staff_client(at(store, "finance"))
    client.post(command(after_sale, "approve"), {"reason": "同意"})
    after_sale.refresh_from_db()
    assert after_sale.state == "approved"


def test_a_large_price_step_is_asked_for(store, sku):
    offer = make_offer(store=store, sku=sku, price_fen=50_000)
    client = staff_client(at(store, "manager"))
    answer = client.post(
        command(offer, "price"), {"price_fen": "100.00", "reason": "清仓"}, follow=True
    )
    offer.refresh_from_db()
    assert offer.price_fen == 50_000
    assert "AP" in said(answer)[0]
    assert "待审批" in client.get(page(offer)).content.decode()

    client.post(command(offer, "price"), {"price_fen": "450.00", "reason": "促销"})
    offer.refresh_from_db()
    assert offer.price_fen == 45_000


def test_a_sku_too(sku):
    client = staff_client(make_staff(role="headquarters"))
    client.post(command(sku, "price"), {"price_fen": "900.00", "reason": "涨价"})
    sku.refresh_from_db()
    assert sku.price_fen == 60_000
    assert "待审批" in client.get(page(sku)).content.decode()


# --- the page of a request --------------------------------------------------------------------


def test_a_request_says_what_will_happen_who_asks_and_why(request_, after_sale, maker, checker):
    text = staff_client(checker).get(page(request_)).content.decode()

    for words in (
        request_.no,
        "超限额退款",
        f"订单 {after_sale.order.no} 向会员退回 ¥600.00",
        "1 × 羊毛衫",
        "新光 · 南京东路店",
        str(maker),
        "质量问题",
        page(after_sale),
        after_sale.no,
        "mall-timeline",
    ):
        assert words in text, words
    assert command(request_, "approve") in text and command(request_, "refuse") in text
    assert command(request_, "withdraw") not in text


def test_approving_does_it_at_once(request_, after_sale, checker):
    client = staff_client(checker)
    assert client.get(command(request_, "approve")).status_code == 200

    answer = client.post(command(request_, "approve"), {"reason": "核过照片"}, follow=True)

    assert said(answer) == ["已批准并执行。"]
    request_.refresh_from_db(), after_sale.refresh_from_db()
    assert (request_.state, request_.checker, request_.note) == ("approved", checker, "核过照片")
    assert (after_sale.state, Refund.objects.get().amount_fen) == ("approved", 60_000)
    text = answer.content.decode()
    assert "核过照片" in text and "店长" in text and "¥2,000.00" in text
    assert command(request_, "approve") not in text


def test_refusing_takes_a_reason(request_, after_sale, checker):
    client = staff_client(checker)
    empty = client.post(command(request_, "refuse"), {"reason": ""})
    assert "reason" in empty.context["form"].errors

    client.post(command(request_, "refuse"), {"reason": "凭证不全"})

    request_.refresh_from_db(), after_sale.refresh_from_db()
    assert (request_.state, request_.note) == ("refused", "凭证不全")
    assert after_sale.state == "requested" and not Refund.objects.exists()


def test_nobody_approves_their_own_request(request_, after_sale, maker):
    client = staff_client(maker)
    text = client.get(page(request_)).content.decode()
    assert command(request_, "approve") not in text

    answer = client.post(command(request_, "approve"), {"reason": ""})

    assert answer.status_code == 403
    assert answer.context["form"].non_field_errors() == ["不能审批自己提交的申请。"]
    request_.refresh_from_db(), after_sale.refresh_from_db()
    assert (request_.state, after_sale.state) == ("pending", "requested")


def test_the_maker_withdraws_it_and_nobody_else(request_, maker, checker):
    assert staff_client(checker).post(command(request_, "withdraw"), {}).status_code == 403
    client = staff_client(maker)
    assert command(request_, "withdraw") in client.get(page(request_)).content.decode()

    client.post(command(request_, "withdraw"), {"reason": "弄错了"})

    request_.refresh_from_db()
    assert (request_.state, request_.checker, request_.note) == ("withdrawn", None, "弄错了")
    assert not Refund.objects.exists()


def test_what_the_action_refuses_is_shown_and_the_request_waits(request_, after_sale, checker):
    staff_client(checker).post(command(after_sale, "refuse"), {"reason": "已拆封"})

    answer = staff_client(checker).post(command(request_, "approve"), {"reason": ""})

    assert answer.status_code == 409
    assert answer.context["form"].non_field_errors()
    request_.refresh_from_db()
    assert request_.state == "pending" and not Refund.objects.exists()


@pytest.mark.parametrize("name", ["approve", "refuse"])
def test_deciding_asks_again_who_is_there(request_, checker, name):
    stale = staff_client(checker, signed_in=time.time() - 3_600)
    answer = stale.post(command(request_, name), {"reason": "核过"})
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    request_.refresh_from_db()
    assert request_.state == "pending"


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("manager", 302),
        ("finance", 302),
        ("headquarters", 302),
        # Sees the inbox, and decides on nothing by the limits.
        ("service", 403),
        ("auditor", 403),
        ("clerk", 403),
    ],
)
def test_who_decides(request_, store, after_sale, role, status):
    client = staff_client(at(store, role))
    assert client.post(command(request_, "approve"), {"reason": ""}).status_code == status
    request_.refresh_from_db(), after_sale.refresh_from_db()
    done = status == 302
    assert request_.state == ("approved" if done else "pending")
    assert Refund.objects.exists() is done


def test_another_stores_request_does_not_exist(request_, now):
    stranger = staff_client(at(make_store(), "manager"))
    assert stranger.get(page(request_)).status_code == 302
    assert stranger.post(command(request_, "approve"), {"reason": ""}).status_code == 404
    request_.refresh_from_db()
    assert request_.state == "pending"


# --- the list and its badge -------------------------------------------------------------------


@pytest.fixture
def ask(store, now):
    def _ask(maker, *, at=store, amount_fen=60_000, subject_id):
        return approval_request(
            kind="mall.refund",
            subject_type="mall.aftersale",
            subject_id=subject_id,
            amount_fen=amount_fen,
            operator_id=at.operator_id,
            store_id=at.pk,
            reason="质量问题",
            actor=Actor.user(maker),
            now=now,
        )

    return _ask


def listed(client, **query):
    answer = client.get(LIST, query)
    assert answer.status_code == 200
    return {row.subject_id for row in answer.context["cl"].result_list}


def badge(client):
    """What the navigation shows beside the inbox."""
    text = client.get(reverse("admin:stores_store_changelist")).content.decode()
    link = text.index(f'href="{LIST}"')
    shown = text[link : text.index("</a>", link)]
    found = [part for part in shown.replace("<", ">").split(">") if part.strip().isdigit()]
    return [int(part) for part in found]


def test_the_list_is_an_inbox_first(store, ask, maker, checker, now):
    ask(checker, subject_id=1), ask(maker, subject_id=2)
    ask(checker, subject_id=3, amount_fen=200_001), ask(checker, subject_id=4, at=make_store())
    done = ask(checker, subject_id=5)
    approval_decide(approval_id=done.pk, approve=False, user=maker, now=now)
    client = staff_client(maker)

    assert listed(client) == {1}
    assert listed(client, whose="mine") == {2}
    assert listed(client, whose="all") == {1, 2, 3, 5}
    assert listed(client, whose="all", state__exact="refused") == {5}
    assert listed(client, whose="all", kind="mall.sku_price") == set()
    [whose] = [s for s in client.get(LIST).context["cl"].filter_specs if s.title == "待谁处理"]
    names = [c["display"] for c in whose.choices(client.get(LIST).context["cl"])]
    assert names == ["待我审批", "全部", "我提交的"]


@pytest.mark.parametrize("role", ["service", "auditor"])
def test_who_decides_on_nothing_sees_what_is_there(store, ask, maker, role):
    ask(maker, subject_id=1), ask(maker, subject_id=2, at=make_store())
    client = staff_client(at(store, role))
    assert listed(client) == {1}
    assert badge(client) == []


def test_the_badge_counts_what_waits_for_me(store, ask, maker, checker, now):
    client = staff_client(maker)
    assert badge(client) == []

    rows = [ask(checker, subject_id=n) for n in (1, 2)]
    ask(maker, subject_id=3), ask(checker, subject_id=4, amount_fen=200_001)
    assert badge(client) == [2]
    assert badge(staff_client(at(store, "finance"))) == [4]
    assert badge(staff_client(at(make_store(), "manager"))) == []

    approval_decide(approval_id=rows[0].pk, approve=False, user=maker, now=now)
    assert badge(client) == [1]


def test_what_has_expired_counts_no_more(store, ask, maker, checker, now, clock_at):
    ask(checker, subject_id=1)
    client = staff_client(maker)
    assert badge(client) == [1]
    clock_at(now + timedelta(days=7))
    assert badge(client) == []


def test_a_list_costs_the_same_however_long_it_is(
    ask, maker, checker, django_assert_max_num_queries
):
    client = staff_client(maker)
    ask(checker, subject_id=1)
    client.get(LIST)
    with django_assert_max_num_queries(LIST_STATEMENTS) as one:
        client.get(LIST)
    for n in range(2, 12):
        ask(make_user(), subject_id=n)
    with django_assert_max_num_queries(len(one)):
        assert len(listed(client)) == 11
