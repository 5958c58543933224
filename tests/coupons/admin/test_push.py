"""Coupons are sent to members from the console, once it was seen how many are meant."""

import re

import pytest
from django.urls import reverse

from config.kernel.batches import batch_claim, batch_work
from config.kernel.models import Batch, Code
from coupons.models import Coupon
from coupons.services.coupon_scan import coupon_scan
from members.models import MemberTag, Tag
from tests.factories import (
    make_coupon,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_template,
    make_tier,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture
def template(operator):
    return make_template(operator=operator, quota=5)


@pytest.fixture
def client(operator, now):
    user = make_user(is_staff=True)
    return staff_client(make_staff(user=user, operator=operator, role="headquarters", since=now))


def command(template, name):
    return reverse("admin:coupons_template_command", args=[template.pk, name])


def preview(answer) -> list[str]:
    return answer.context["form"].preview


def test_it_is_sent_once_the_figures_were_seen(client, template, now):
    gold = make_tier(code="gold")
    members = [make_member(tier=gold) for _n in range(3)]
    make_member()
    make_coupon(members[0], template=template)
    form = {"tiers": ["gold"], "reason": "会员日"}

    first = client.post(command(template, "push"), form)
    assert first.status_code == 200 and not Batch.objects.exists()
    assert [re.search(r"\d+", line)[0] for line in preview(first)[1:]] == ["3", "2", "4"]

    seen = re.search(r'name="seen" value="([\d.]+)"', first.content.decode())[1]
    assert client.post(command(template, "push"), form | {"seen": seen}).status_code == 302
    batch = batch_claim(now=now)
    batch_work(batch, clock=lambda: now)
    batch.refresh_from_db()
    assert batch.summary == {"given": 2, "over": ""}
    assert Coupon.objects.count() == 3


def test_tags_of_the_group_and_of_the_operator_may_be_meant(client, operator, template, now):
    Tag.objects.create(code="ours", name="本店", operator=operator)
    Tag.objects.create(code="theirs", name="别家", operator=make_operator())
    tea = Tag.objects.create(code="tea", name="爱茶")
    MemberTag.objects.create(member=make_member(), tag=tea, since=now)
    make_member()

    shown = client.get(command(template, "push")).context["form"].fields["tags"].choices
    answer = client.post(command(template, "push"), {"tags": ["tea", "ours"], "reason": "茶会"})

    assert [code for code, _name in shown] == ["ours", "tea"]
    assert [re.search(r"\d+", line)[0] for line in preview(answer)[1:]] == ["1", "1", "5"]
    assert not Batch.objects.exists()


def test_figures_that_changed_since_are_shown_again(client, template):
    make_member()
    form = {"reason": "会员日"}
    first = client.post(command(template, "push"), form)
    seen = re.search(r'name="seen" value="([\d.]+)"', first.content.decode())[1]
    make_member()

    again = client.post(command(template, "push"), form | {"seen": seen})

    assert again.status_code == 200 and not Batch.objects.exists()
    assert "2" in preview(again)[1]


def test_every_field_says_whom(client, operator, template):
    make_member()
    make_store(operator=operator, code="jing-an")
    form = {"tiers": ["none"], "store": "jing-an", "days": "3", "orders_from": "1"}
    form |= {"orders_to": "9", "phone": "on", "reason": "会员日"}

    answer = client.post(command(template, "push"), form)

    words = preview(answer)[0]
    assert all(word in words for word in ("none", "jing-an", "3", "1", "9"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"tiers": ["nobody"]},
        {"store": "nowhere"},
        {"days": "-1"},
        {"orders_to": "x"},
        {"reason": ""},
    ],
)
def test_what_is_wrong_sends_nothing(client, template, wrong):
    answer = client.post(command(template, "push"), {"reason": "会员日"} | wrong)
    assert answer.status_code == 200 and answer.context["form"].errors
    assert not Batch.objects.exists()


def test_a_place_has_its_code(client, template, now):
    answer = client.post(
        command(template, "place"), {"place": "静安店门口", "reason": "开业"}, follow=True
    )

    code = Code.objects.get(purpose="coupon_place")
    assert code.token in answer.content.decode()
    assert code.payload == {"place": "静安店门口"}
    member = make_member()
    claimed = coupon_scan(token=code.token, member_id=member.pk, actor=None, now=now)
    assert Coupon.objects.get(pk=claimed.pk).template == template
