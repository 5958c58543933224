"""The designer: steps keep a draft, the engine says what it does, publishing writes the row."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.actors import Actor
from config.kernel.approvals import approval_decide
from config.kernel.errors import Conflict
from config.kernel.models import Approval, Event
from coupons.models import Template
from mall.models import Brand, DiscountDraft, Promotion, Sku
from mall.services.discount_draft import (
    DraftRewritesPast,
    draft_begin,
    draft_fill,
    draft_publish,
)
from tests.factories import (
    make_category,
    make_operator,
    make_product,
    make_promotion,
    make_staff,
    make_store,
    make_template,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_operator(code="op")


@pytest.fixture
def tea(operator):
    make_store(operator=operator, code="here")
    shelf = make_category(code="tea")
    product = make_product(code="cha", name="龙井", category=shelf, skus=[10_000])
    Sku.objects.filter(code="cha-1").update(cost_fen=8_500)
    return product


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


def design(draft, step):
    return reverse("admin:mall_discountdraft_design", args=[draft.pk, step])


def begun(client, kind="template", **data):
    client.post(reverse("admin:mall_discountdraft_begin", args=[kind]), data)
    return DiscountDraft.objects.latest("pk")


def local(moment):
    return moment.strftime("%Y-%m-%dT%H:%M")


def worth(operator, **more):
    return {
        "operator": operator.pk,
        "name": "茶券",
        "code": "tea-20",
        "kind_of": "amount",
        "off_fen": "20",
        "threshold_fen": "100",
        "steps": "200 50",
        "span": "order",
        "action": "save",
        **more,
    }


def issue(now, **more):
    return {
        "claim_from": local(now - timedelta(days=1)),
        "claim_until": local(now + timedelta(days=30)),
        "valid_days": "15",
        "quota": "100",
        "per_member": "2",
        "public": "on",
        "gift_days": "0",
        "slots_ready": "0",
        "on_refund": "return",
        "stacking_group": "coupon",
        "priority": "100",
        "weekdays": ["6", "7"],
        "hours": "10:00-14:00",
        "sponsor_shares": "platform 60\nbrand:B01 40",
        "action": "save",
        **more,
    }


WHERE = {"category_mode": "in", "category": ["tea"], "channels": ["mall", "store"]}


def test_a_coupon_is_designed_step_by_step_and_published(client, operator, tea, now):
    draft = begun(client)
    assert client.post(design(draft, "worth"), worth(operator)).url == design(draft, "where")
    assert client.post(design(draft, "where"), WHERE).url == design(draft, "when")
    hours = "10:00-14:00\n22:00-02:00\n18:00-24:00"
    when = client.post(design(draft, "when"), issue(now, hours=hours))
    assert when.url == design(draft, "publish")
    page = client.get(design(draft, "publish")).content.decode()
    assert "满 ¥100.00：减 ¥20.00; 满 ¥200.00：减 ¥50.00" in page
    assert "10:00–14:00, 22:00–次日 02:00, 18:00–24:00" in page
    assert "周六、周日" in page or "周六, 周日" in page

    done = client.post(design(draft, "publish"), {"reason": "上新", "seen_loss": "on"})
    template = Template.objects.get(code="tea-20")
    assert done.url == reverse("admin:coupons_template_change", args=[template.pk])
    assert (template.value, template.threshold_fen, template.steps) == (
        2_000,
        10_000,
        [[20_000, 5_000]],
    )
    assert template.scope == {
        "v": 1,
        "all": [{"fact": "category", "op": "in", "value": ["tea"]}],
    }
    assert template.sponsor_shares == {"platform": 6_000, "brand:B01": 4_000}
    assert (template.weekdays, template.hours) == (
        [6, 7],
        [["10:00", "14:00"], ["22:00", "02:00"], ["18:00", "24:00"]],
    )
    event = Event.objects.get(kind="kernel.reference_changed", subject_id=template.pk)
    assert (event.payload["change"], event.reason) == ("added", "上新")
    # Published once.
    assert client.post(design(draft, "publish"), {"reason": "再来"}).status_code == 403
    assert Template.objects.count() == 1


def test_a_step_says_what_is_wrong_and_keeps_what_was_kept(client, operator, tea, now):
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator))
    answer = client.post(
        design(draft, "worth"), worth(operator, off_fen="", steps="zwei", threshold_pieces="2")
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "这一行无法识别：zwei" in page
    assert page.count("mall-field-wrong") == 3
    answer = client.post(design(draft, "where"), {**WHERE, "category": []})
    assert "至少选一个" in answer.content.decode()
    answer = client.post(
        design(draft, "when"), issue(now, sponsor_shares="platform 60", hours="早上")
    )
    page = answer.content.decode()
    assert "各方比例合计为 100%" in page and "10:00-14:00" in page
    draft.refresh_from_db()
    assert draft.values["value"] == 2_000
    assert "scope" not in draft.values and "quota" not in draft.values
    # Not ready: nothing is written.
    assert client.post(design(draft, "publish"), {"reason": "上新"}).status_code == 200
    assert not Template.objects.exists()


def test_another_kind_has_other_fields(client, operator):
    draft = begun(client, "promotion")
    page = client.post(
        design(draft, "worth"), worth(operator, kind_of="multi", action="refresh")
    ).content.decode()
    assert 'name="pieces"' in page and 'name="price_fen"' in page
    assert 'name="off_fen"' not in page and 'value="茶券"' in page
    draft.refresh_from_db()
    assert "kind" not in draft.values


def promotion(client, operator, now, kind_of, where=None, **more):
    draft = begun(client, "promotion")
    said = worth(operator, kind_of=kind_of, off_fen="", steps="", threshold_fen="")
    answer = client.post(design(draft, "worth"), said | more)
    assert answer.status_code == 302, answer.content.decode()
    client.post(design(draft, "where"), where or {"channels": ["mall"]})
    answer = client.post(
        design(draft, "when"),
        {
            "starts_at": local(now - timedelta(days=1)),
            "ends_at": local(now + timedelta(days=9)),
            "stacking_group": "promotion",
            "priority": "100",
        },
    )
    assert answer.status_code == 302, answer.content.decode()
    return draft


@pytest.mark.parametrize(
    ("kind_of", "said", "stored"),
    [
        ("multi", {"pieces": "3", "price_fen": "99"}, {"value": 9_900, "pieces": 3}),
        ("nth", {"pieces": "2", "percent": "50"}, {"value": 5_000, "pieces": 2}),
        ("gift", {"skus": "cha-1 1", "threshold_fen": "300"}, {"skus": {"cha-1": 1}}),
        ("bundle", {"skus": "cha-1 × 2", "price_fen": "150"}, {"skus": {"cha-1": 2}}),
        ("price", {"skus": "cha-1 88.50", "price_fen": ""}, {"skus": {"cha-1": 8_850}}),
        ("percent", {"percent": "12.5", "span": "line"}, {"value": 1_250, "span": "line"}),
    ],
)
def test_each_kind_is_published(client, operator, tea, now, kind_of, said, stored):
    draft = promotion(client, operator, now, kind_of, **said)
    answer = client.post(design(draft, "publish"), {"reason": "活动", "seen_loss": "on"})
    assert answer.status_code == 302, answer.content.decode()
    row = Promotion.objects.get(code="tea-20")
    assert {name: getattr(row, name) for name in stored} == stored


def test_selling_below_cost_with_what_runs_beside_it_has_to_be_seen(client, operator, tea, now):
    make_promotion(operator=operator, kind="percent", value=1_000, stacking_group="other")
    draft = promotion(client, operator, now, "percent", percent="10")
    page = client.get(design(draft, "publish")).content.decode()
    # ¥100 − 10 % − 10 % = ¥81, and it cost ¥85; each alone would do.
    assert "¥81.00" in page and "低于成本 ¥4.00" in page
    answer = client.post(design(draft, "publish"), {"reason": "活动"})
    assert answer.status_code == 200
    assert "请确认" in answer.content.decode()
    assert Promotion.objects.count() == 1
    client.post(design(draft, "publish"), {"reason": "活动", "seen_loss": "on"})
    assert Promotion.objects.count() == 2


def test_a_promotion_for_stores_is_looked_at_beside_what_runs_there(client, operator, tea, now):
    tills = {"operator": operator, "channels": ["store"], "stacking_group": "tills"}
    make_promotion(**tills, kind="percent", value=1_000)
    where = {"channels": ["mall", "store"]}
    draft = promotion(client, operator, now, "percent", where, percent="10")
    # In the mall it sells at ¥90; at tills at ¥81, which is less than the ¥85 it cost.
    page = client.get(design(draft, "publish"))
    assert page.context["preview"].channel == "store"
    assert "¥81.00" in page.content.decode() and "低于成本 ¥4.00" in page.content.decode()
    mall = client.get(design(draft, "publish"), {"channel": "mall"})
    assert (mall.context["preview"].channel, mall.context["preview"].below_cost) == ("mall", False)
    assert client.post(design(draft, "publish"), {"reason": "活动"}).status_code == 200

    client.post(design(draft, "publish"), {"reason": "活动", "seen_loss": "on"})

    assert Promotion.objects.get(code="tea-20").channels == ["mall", "store"]


def test_who_may_not_see_costs_is_told_no_figures(operator, tea, now):
    page_of = staff_client(make_staff(role="headquarters"))
    draft = promotion(page_of, operator, now, "percent", percent="30")
    assert "¥85.00" in page_of.get(design(draft, "publish")).content.decode()
    # Whoever may not see costs sees no page of a draft either.
    assert staff_client(make_staff(role="service")).get(design(draft, "publish")).status_code == 404


def test_a_basket_may_be_picked(client, operator, tea, now):
    draft = promotion(client, operator, now, "percent", percent="10")
    page = client.get(design(draft, "publish"), {"skus": "cha-1 7", "store": "here"})
    text = page.content.decode()
    assert "× 7" in text and "¥630.00" in text
    assert text.count('class="mall-sample') == 2  # one basket, and the list of them


def test_a_basket_of_what_nobody_sells_is_refused_at_its_field(client, operator, tea, now):
    draft = promotion(client, operator, now, "percent", percent="10")
    page = client.get(design(draft, "publish"), {"skus": "cha-1 7\nNOPE 1\n茶 2", "store": "here"})
    assert page.context["look"].errors["skus"] == ["SKU 茶 2 不存在", "SKU NOPE 不存在"]


def test_a_loss_is_not_unseen_by_looking_at_another_basket(client, operator, tea, now):
    make_product(code="cup", name="杯", skus=[90_000])
    draft = promotion(client, operator, now, "percent", percent="30")
    elsewhere = f"{design(draft, 'publish')}?store=here&skus=cup-1"
    page = client.get(elsewhere)
    assert page.context["preview"].below_cost is False
    assert "seen_loss" in page.context["form"].fields
    client.post(elsewhere, {"reason": "活动"})
    assert not Promotion.objects.exists()


def test_who_bears_a_coupon_is_said_by_name(client, operator, tea, now):
    Brand.objects.create(code="B01", name="清禾")
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator))
    client.post(design(draft, "where"), WHERE)
    client.post(design(draft, "when"), issue(now, sponsor_shares="operator:op 60\nbrand:B01 40"))
    words = "\n".join(client.get(design(draft, "publish")).context["words"])
    assert f"费用承担：清禾 40 %, {operator.name} 60 %。" in words


def test_more_than_one_decides_on_waits_for_another(operator, tea, now):
    maker, checker = (make_staff(role="headquarters") for _n in range(2))
    client = staff_client(maker)
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator))
    client.post(design(draft, "where"), WHERE)
    client.post(design(draft, "when"), issue(now, quota="2001"))
    client.post(design(draft, "publish"), {"reason": "大促", "seen_loss": "on"})
    approval = Approval.objects.get()
    # 2,001 × ¥50, more than ¥100,000.
    assert (approval.kind, approval.amount_fen) == ("mall.discount_publish", 10_005_000)
    assert not Template.objects.exists()
    approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)
    assert Template.objects.get().quota == 2_001
    draft.refresh_from_db()
    assert draft.published_at == now


def test_a_request_is_for_what_was_asked(operator, tea, now):
    maker, checker = (make_staff(role="headquarters") for _n in range(2))
    client = staff_client(maker)
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator))
    client.post(design(draft, "where"), WHERE)
    client.post(design(draft, "when"), issue(now, quota="2001"))
    client.post(design(draft, "publish"), {"reason": "大促", "seen_loss": "on"})
    client.post(design(draft, "when"), issue(now, quota="900000"))
    with pytest.raises(Conflict):
        approval_decide(approval_id=Approval.objects.get().pk, approve=True, user=checker, now=now)
    assert not Template.objects.exists()


def test_what_has_no_limit_needs_one(client, operator, tea, now):
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator, kind_of="percent", percent="20", steps=""))
    client.post(design(draft, "where"), WHERE)
    client.post(design(draft, "when"), issue(now))
    page = client.get(design(draft, "publish")).content.decode()
    assert "请填写预算" in page
    client.post(design(draft, "when"), issue(now, budget_fen="5000"))
    assert "请填写预算" not in client.get(design(draft, "publish")).content.decode()


def test_what_exists_is_changed_by_a_draft_unless_somebody_was_faster(client, operator, now):
    template = make_template(operator=operator, code="old", quota=100, value=1_000)
    draft = begun(client, "template", source=template.pk)
    other = begun(client, "template", source=template.pk)
    assert draft.values["quota"] == 100
    for one in (draft, other):
        said = issue(now, quota="300", sponsor_shares="", weekdays=[], hours="")
        assert client.post(design(one, "when"), said).status_code == 302
    answer = client.post(design(draft, "publish"), {"reason": "加量"})
    assert answer.status_code == 302, answer.content.decode()
    template.refresh_from_db()
    assert (template.quota, template.code, template.value) == (300, "old", 1_000)
    event = Event.objects.get(kind="kernel.reference_changed", subject_id=template.pk)
    assert event.payload["changes"]["quota"] == [100, 300]
    answer = client.post(design(other, "publish"), {"reason": "加量"})
    assert "已被他人修改" in answer.content.decode()


def test_a_new_one_like_it_has_its_own_name(client, operator):
    row = make_promotion(operator=operator, code="old", value=700)
    draft = begun(client, "promotion", source=row.pk, copy="1")
    assert (draft.source_id, draft.values["value"]) == (None, 700)
    assert "code" not in draft.values and "name" not in draft.values


def test_a_rule_that_the_form_cannot_say_stays(client, operator):
    rule = {"v": 1, "all": [{"not": {"fact": "category", "op": "in", "value": ["x"]}}]}
    row = make_promotion(operator=operator, scope=rule)
    draft = begun(client, "promotion", source=row.pk)
    page = client.get(design(draft, "where")).content.decode()
    assert "keep_scope" in page
    client.post(design(draft, "where"), {"channels": ["mall"], "keep_scope": "on"})
    draft.refresh_from_db()
    assert draft.values["scope"] == rule
    client.post(design(draft, "where"), {"channels": ["mall"]})
    draft.refresh_from_db()
    assert draft.values["scope"] == {}


def test_drafts_of_another_operator_are_out_of_reach(operator, now):
    mine = make_operator()
    user = make_staff(role="headquarters", operator=mine)
    draft = begun(staff_client(make_user(superuser=True)), "promotion", source="")
    assert draft.operator == operator
    client = staff_client(user)
    assert client.get(design(draft, "worth")).status_code == 404
    assert client.post(design(draft, "worth"), worth(operator)).status_code == 404
    own = begun(client, "promotion")
    assert own.operator == mine
    answer = client.post(design(own, "worth"), worth(operator))
    assert answer.status_code == 200 and "mall-field-wrong" in answer.content.decode()


def test_pages_cost_a_fixed_number_of_statements(
    client, operator, tea, now, django_assert_num_queries
):
    draft = promotion(client, operator, now, "percent", percent="10")
    for n in range(3):
        make_promotion(operator=operator, stacking_group=f"g{n}")
        make_template(operator=operator)
        make_product(code=f"p{n}", skus=[5_000])
    client.get(design(draft, "worth"))
    with django_assert_num_queries(5):
        client.get(design(draft, "worth"))
    with django_assert_num_queries(9):
        client.get(design(draft, "where"))
    with django_assert_num_queries(34):
        client.get(design(draft, "publish"))


def test_a_coupon_is_looked_at_without_those_that_clash_with_it(client, operator, tea, now):
    make_template(operator=operator, value=5_000)
    make_template(operator=operator, value=300, stacking_group="other")
    draft = begun(client)
    client.post(design(draft, "worth"), worth(operator, steps=""))
    client.post(design(draft, "where"), WHERE)
    client.post(design(draft, "when"), issue(now))
    page = client.get(design(draft, "publish")).content.decode()
    # ¥100 − 20 − 3: whoever has the better one does not use this one.
    assert "¥77.00" in page and "¥50.00" not in page


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"starts_at": timedelta(hours=-1)}, True),
        ({"ends_at": timedelta(minutes=-5)}, True),
        ({"code": "other"}, True),
        ({"ends_at": timedelta(minutes=5)}, False),
    ],
    ids=["a later beginning", "an end that has been", "another code", "an end to come"],
)
def test_what_orders_were_placed_under_stays_as_it_was(operator, now, change, told):
    row = make_promotion(
        operator=operator, starts_at=now - timedelta(days=2), ends_at=now + timedelta(days=2)
    )
    boss = make_user(superuser=True)
    draft = draft_begin(
        kind="promotion", operator_id=operator.pk, actor=Actor.user(boss), now=now, source=row
    )
    values = {
        name: (now + value).isoformat() if isinstance(value, timedelta) else value
        for name, value in change.items()
    }
    draft_fill(draft_id=draft.pk, values=values, actor=Actor.user(boss), now=now)

    if told:
        with pytest.raises(DraftRewritesPast):
            draft_publish(draft_id=draft.pk, reason="改期", user=boss, now=now)
        before = (row.code, row.starts_at, row.ends_at)
        row.refresh_from_db()
        assert (row.code, row.starts_at, row.ends_at) == before
    else:
        draft_publish(draft_id=draft.pk, reason="改期", user=boss, now=now)
        row.refresh_from_db()
        assert row.ends_at == now + timedelta(minutes=5)
