"""Reference data is written in the operations site, and every write leaves an event."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel import clock
from config.kernel.models import Event, PolicyVersion, User
from mall.models import Brand, Category, Product
from members.models import CardProduct
from stores.models import Assignment, Store
from tests.factories import (
    make_brand,
    make_card_product,
    make_category,
    make_coupon,
    make_guide,
    make_member,
    make_operator,
    make_points_offer,
    make_product,
    make_staff,
    make_store,
    make_template,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss():
    return make_user(superuser=True)


@pytest.fixture
def client(boss):
    return staff_client(boss)


def url(row, page="change"):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=[row.pk])


def filled(client, row, **changes):
    """What a browser would send back for the row's form, with ``changes``."""
    form = client.get(url(row)).context["adminform"].form
    data = {}
    for field in form:
        widget = field.field.widget
        value = field.value()
        if hasattr(widget, "decompress") and not isinstance(value, list):
            value = widget.decompress(value)
        if isinstance(value, list) and hasattr(widget, "widgets"):
            for i, part in enumerate(value):
                data[f"{field.html_name}_{i}"] = "" if part is None else str(part)
        elif value is not None and value is not False:
            data[field.html_name] = value
    return {**data, **changes}


def events():
    return list(
        Event.objects.filter(kind="kernel.reference_changed")
        .order_by("id")
        .values_list("subject_type", "subject_id", "payload")
    )


def test_adding_leaves_an_event(client, boss):
    answer = client.post(reverse("admin:mall_brand_add"), {"code": "b9", "name": "新牌"})
    assert answer.status_code == 302
    brand = Brand.objects.get()
    assert events() == [
        ("mall.brand", brand.pk, {"change": "added", "changes": {"code": True, "name": True}})
    ]
    assert Event.objects.get(kind="kernel.reference_changed").actor_id == str(boss.pk)


def test_changing_says_what_without_free_text(client):
    product = make_card_product(price_fen=50_000, bonus_fen=5_000)
    data = filled(client, product, name="新名", bonus_fen="60.00", on_sale="")
    data.pop("on_sale")
    assert client.post(url(product), data).status_code == 302
    product.refresh_from_db()
    assert (product.name, product.bonus_fen, product.on_sale) == ("新名", 6_000, False)
    assert events() == [
        (
            "members.cardproduct",
            product.pk,
            {
                "change": "changed",
                "changes": {"name": True, "bonus_fen": [5_000, 6_000], "on_sale": [True, False]},
            },
        )
    ]
    page = client.get(url(product)).content.decode()
    assert "bonus_fen: 5000 → 6000" in page


def test_saving_without_a_change_leaves_none(client):
    product = make_card_product()
    assert client.post(url(product), filled(client, product)).status_code == 302
    assert events() == []


@pytest.mark.parametrize("typed", ["12.345", "abc", "-1"])
def test_yuan_are_exact_to_the_fen(client, typed):
    product = make_card_product(price_fen=50_000)
    answer = client.post(url(product), filled(client, product, price_fen=typed))
    assert answer.status_code == 200
    assert "price_fen" in answer.context["adminform"].form.errors
    assert CardProduct.objects.get().price_fen == 50_000


def test_constraints_are_form_errors(client):
    sku = make_product(skus=[5_000]).skus.get()
    offer = make_points_offer(sku, operator=make_operator(), points_price=300)
    data = filled(client, offer, points_price="0")
    answer = client.post(url(offer), data)
    assert answer.status_code == 200
    assert answer.context["adminform"].form.non_field_errors()
    data["points_price"] = "200"
    assert client.post(url(offer), data).status_code == 302
    offer.refresh_from_db()
    assert offer.points_price == 200


def test_what_is_designed_and_guarded_is_not_typed(client):
    template = make_template(quota=100)
    make_coupon(make_member(), template=template)
    assert client.post(url(template), {"quota": "4", "issued": "0"}).status_code == 403
    template.refresh_from_db()
    assert (template.quota, template.issued) == (100, 1)


def test_a_renamed_brand_or_category_is_found_by_its_new_name(client):
    brand, category = make_brand(name="旧牌"), make_category(name="旧类")
    product = make_product(brand=brand, category=category, name="茶壶")
    client.post(url(brand), filled(client, brand, name="云间"))
    client.post(url(category), filled(client, category, name="茶具"))
    text = Product.objects.get(pk=product.pk).search_text
    assert "云间" in text and "茶具" in text and "旧牌" not in text
    assert Category.objects.get(pk=category.pk).name == "茶具"


def test_rows_are_archived_with_a_reason_not_deleted(client):
    store = make_store()
    command = reverse("admin:stores_store_command", args=[store.pk, "archive"])
    assert client.post(command, {"reason": "闭店"}).status_code == 302
    store.refresh_from_db()
    assert store.archived_at is not None
    assert client.post(command, {"reason": "闭店"}).status_code == 409
    back = reverse("admin:stores_store_command", args=[store.pk, "restore"])
    assert client.post(back, {"reason": "重开"}).status_code == 302
    assert Store.objects.get().archived_at is None
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("id")
    assert list(events.values_list("payload__change", "reason")) == [
        ("archived", "闭店"),
        ("restored", "重开"),
    ]


def test_a_role_is_given_with_an_event(client, now):
    user, store = make_user(is_staff=True), make_store()
    data = {
        "user": user.pk,
        "role": "clerk",
        "store": store.pk,
        "since_0": "2026-01-01",
        "since_1": "09:00",
    }
    answer = client.post(reverse("admin:stores_assignment_add"), data)
    assert answer.status_code == 302, answer.context["adminform"].form.errors
    assignment = Assignment.objects.get()
    [(subject, pk, payload)] = events()
    assert (subject, pk) == ("stores.assignment", assignment.pk)
    assert payload["changes"]["role"] == [None, "clerk"]
    assert payload["changes"]["store"] == [None, store.pk]


def test_a_form_points_only_at_what_its_user_may_see(now):
    operator, foreign = make_operator(), make_operator()
    user = make_staff(operator=operator, role="headquarters", since=now)
    offer = make_points_offer(make_product(skus=[5_000]).skus.get(), operator=operator)
    client = staff_client(user)
    answer = client.post(url(offer), filled(client, offer, operator=str(foreign.pk)))
    assert answer.status_code == 200
    assert "operator" in answer.context["adminform"].form.errors
    offer.refresh_from_db()
    assert offer.operator == operator


def with_assignment(client, guide, store) -> dict:
    """The guide's form with one more assignment, to ``store``."""
    [row] = guide.assignments.all()
    local = row.since.astimezone()
    return filled(client, guide) | {
        "assignments-TOTAL_FORMS": "2",
        "assignments-INITIAL_FORMS": "1",
        "assignments-0-id": row.pk,
        "assignments-0-guide": guide.pk,
        "assignments-0-store": row.store_id,
        "assignments-0-since_0": f"{local:%Y-%m-%d}",
        "assignments-0-since_1": f"{local:%H:%M:%S}",
        "assignments-1-guide": guide.pk,
        "assignments-1-store": store.pk,
        "assignments-1-since_0": "2026-01-01",
        "assignments-1-since_1": "09:00",
    }


def test_rows_edited_with_their_parent_are_audited_too(client):
    guide = make_guide()
    other = make_store(operator=guide.operator)
    assert client.post(url(guide), with_assignment(client, guide, other)).status_code == 302
    added = [e for e in events() if e[2]["change"] == "added"]
    assert [e[0] for e in added] == ["guides.guideassignment"]
    assert added[0][2]["changes"]["store"] == [None, other.pk]


def test_rows_edited_with_their_parent_stay_within_the_scope_too(now):
    guide, foreign = make_guide(), make_store()
    boss = make_staff(operator=guide.operator, role="headquarters", since=now)
    client = staff_client(boss)
    answer = client.post(url(guide), with_assignment(client, guide, foreign))
    assert answer.status_code == 200
    assert guide.assignments.count() == 1
    assert events() == []


def test_a_policy_is_drafted_published_once_and_then_immutable(client, boss, now):
    draft = reverse("admin:kernel_policyversion_list_command", args=["draft"])
    assert draft in client.get(reverse("admin:kernel_policyversion_changelist")).content.decode()
    body = '{"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}'
    refused = client.post(draft, {"kind": "nope", "body": body, "reason": "新规则"})
    assert refused.status_code == 400 and not PolicyVersion.objects.exists()
    assert (
        client.post(draft, {"kind": "points", "body": body, "reason": "新规则"}).status_code == 302
    )
    policy = PolicyVersion.objects.get()
    assert (policy.version, policy.note, policy.published_at) == (1, "新规则", None)

    publish = reverse("admin:kernel_policyversion_command", args=[policy.pk, "publish"])
    soon = clock.local_date(now + timedelta(days=1))
    data = {
        "effective_from_0": f"{soon:%Y-%m-%d}",
        "effective_from_1": "00:00",
        "reason": "下月起",
    }
    assert client.post(publish, data).status_code == 302
    policy.refresh_from_db()
    assert policy.published_by == boss
    assert client.post(publish, data).status_code in (400, 409)
    assert client.post(url(policy), {"body": "{}"}).status_code == 403
    assert publish not in client.get(url(policy)).content.decode()


def test_a_user_is_added_with_a_password_that_no_event_tells(client):
    add = reverse("admin:kernel_user_add")
    assert 'name="password1"' in client.get(add).content.decode()
    secret = "Str0ng-pass-9"
    data = {
        "username": "xiaoli",
        "usable_password": "true",
        "password1": secret,
        "password2": secret,
    }
    assert client.post(add, data).status_code == 302
    user = User.objects.get(username="xiaoli")
    assert user.check_password(secret)
    [(subject, pk, payload)] = events()
    assert (subject, pk, payload["change"]) == ("kernel.user", user.pk, "added")
    assert secret not in str(payload)
    page = client.get(url(user)).content.decode()
    assert 'name="is_staff"' in page and 'name="password"' not in page
