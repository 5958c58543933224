"""Who is credited: judged as of payment, from touches before it and the binding live then."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from guides.models import Attribution, Guide
from guides.services.attribution_freeze import attribution_freeze
from tests.factories import (
    make_binding,
    make_brand,
    make_card_product,
    make_category,
    make_guide,
    make_member,
    make_operator,
    make_product,
    make_store,
    publish_policy,
)
from tests.guides.sales import (
    ATTRIBUTION,
    PLAN,
    handle,
    paid_event,
    paid_order,
    publish_rules,
    refunded_event,
    touched,
)

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

DAY = timedelta(days=1)


def shares(order) -> list[tuple[str, int, int]]:
    rows = Attribution.objects.filter(line__order=order).order_by("line_id", "role")
    return [(row.role, row.guide_id, row.basis_points) for row in rows]


def test_touch_and_binding_of_two_guides_share_sixty_forty(
    rules, store, member, guide, colleague, now
):
    make_binding(member=member, guide=colleague, since=now - 3 * DAY)
    touch = touched(member=member, guide=guide, now=now - DAY)
    order = paid_order(member=member, store=store, paid_at=now)

    attribution_freeze(events=[paid_event(order)], now=now)

    assert shares(order) == [("opening", guide.pk, 6000), ("serving", colleague.pk, 4000)]
    opening = Attribution.objects.get(role="opening")
    assert opening.frozen_at == now
    assert opening.rate_bp == 300
    assert (opening.policy, opening.plan) == (rules.attribution, rules.plan)
    assert opening.evidence == {
        "touch": touch.pk,
        "touched_at": (now - DAY).isoformat(),
        "token": touch.code.token,
        "product": "",
        "operator_id": store.operator_id,
        "rule": -1,
    }
    handle(paid_event(order), now=now)


def test_the_same_person_twice_is_one_role_with_the_whole_pot(rules, store, member, guide, now):
    touched(member=member, guide=guide, now=now - DAY)  # binds, too: it is the first touch
    order = paid_order(member=member, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert shares(order) == [("opening", guide.pk, 10_000)]
    evidence = Attribution.objects.get().evidence
    assert evidence["binding"] == guide.bindings.get().pk
    assert evidence["touch"] == guide.touches.get().pk


def test_a_binding_alone_serves(rules, store, member, guide, now):
    make_binding(member=member, guide=guide, since=now - 100 * DAY)
    order = paid_order(member=member, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert shares(order) == [("serving", guide.pk, 10_000)]


def test_the_products_own_touch_goes_before_a_later_one(
    rules, store, member, guide, colleague, now
):
    coat, hat = make_product(), make_product()
    touched(member=member, guide=guide, product=coat, now=now - 2 * DAY)
    touched(member=member, guide=colleague, now=now - DAY)
    order = paid_order(
        member=member, store=store, paid_at=now, lines=[(coat, 1, 100), (hat, 1, 100)]
    )

    handle(paid_event(order), now=now)

    assert shares(order) == [
        ("opening", guide.pk, 10_000),  # the coat: own touch, and bound by it
        ("opening", colleague.pk, 6000),  # the hat: the latest touch
        ("serving", guide.pk, 4000),
    ]


@pytest.mark.parametrize(
    ("before", "counts"), [(7 * DAY, True), (7 * DAY + timedelta(seconds=1), False)]
)
def test_the_window_ends_after_seven_days(
    rules, store, member, guide, colleague, now, before, counts
):
    make_binding(member=member, guide=colleague, since=now - 20 * DAY)
    touched(member=member, guide=guide, now=now - before)
    order = paid_order(member=member, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert (("opening", guide.pk, 6000) in shares(order)) is counts


def test_a_touch_after_payment_does_not_count_however_late_the_event(
    rules, store, member, guide, now
):
    order = paid_order(member=member, store=store, paid_at=now - DAY)
    touched(member=member, guide=guide, now=now)

    handle(paid_event(order), now=now)

    assert shares(order) == []


def test_a_binding_that_had_ended_or_not_begun_does_not_count(
    rules, store, member, guide, colleague, now
):
    make_binding(member=member, guide=guide, since=now - 9 * DAY, until=now - 2 * DAY)
    make_binding(member=member, guide=colleague, since=now)
    order = paid_order(member=member, store=store, paid_at=now - DAY)

    handle(paid_event(order), now=now)

    assert shares(order) == []


def test_nobody_is_credited_for_the_own_purchase(rules, store, now):
    shopper = make_member()
    as_member = make_guide(store=store, member=shopper)
    as_user = make_guide(store=store, user=shopper.user)
    for guide in (as_member, as_user):
        assert touched(member=shopper, guide=guide, now=now - DAY).guide_id == guide.pk
    order = paid_order(member=shopper, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert shares(order) == []


def test_a_guide_who_had_left_does_not_count_and_the_one_before_does(
    rules, store, member, guide, colleague, now
):
    touched(member=member, guide=guide, now=now - 3 * DAY)
    touched(member=member, guide=colleague, now=now - 2 * DAY)
    Guide.objects.filter(pk=colleague.pk).update(active_until=now - DAY)
    order = paid_order(member=member, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert shares(order) == [("opening", guide.pk, 10_000)]


def test_another_operators_guide_earns_only_where_the_policy_crosses(rules, member, now):
    store = make_store()
    stranger = make_guide(store=make_store())
    touched(member=member, guide=stranger, now=now - DAY)
    at_home = paid_order(member=member, store=store, paid_at=now)
    publish_policy(
        kind="attribution",
        scope=store.operator.code,
        body=ATTRIBUTION | {"cross_operator": True},
        effective_from=now + timedelta(seconds=1),
    )
    crossing = paid_order(member=member, store=store, paid_at=now + timedelta(seconds=2))

    handle(paid_event(at_home), paid_event(crossing), now=now)

    assert shares(at_home) == []
    assert shares(crossing) == [("opening", stranger.pk, 10_000)]


def test_the_version_in_force_at_payment_holds_and_an_operators_own_goes_first(rules, member, now):
    store = make_store()
    guide = make_guide(store=store)
    elsewhere = make_guide(store=make_store(operator=make_operator()))
    own = publish_policy(
        kind="commission_plan", scope=store.operator.code, body=PLAN | {"default_rate_bp": 450}
    )
    make_binding(member=member, guide=guide)
    other = make_member()
    make_binding(member=other, guide=elsewhere)
    first = paid_order(member=member, store=store, paid_at=now)
    second = paid_order(member=other, store=elsewhere.assignments.get().store, paid_at=now)

    handle(paid_event(first), paid_event(second), now=now)

    rates = dict(Attribution.objects.values_list("line__order_id", "rate_bp"))
    assert rates == {first.pk: 450, second.pk: 300}
    assert Attribution.objects.get(line__order=first).plan == own


def test_the_first_rule_that_holds_gives_the_rate(store, member, guide, now):
    clothes = make_category(code="clothes")
    coats = make_category(code="coats", parent=clothes)
    brand = make_brand(code="north")

    def when(fact, value):
        return {"v": 1, "all": [{"fact": fact, "op": "eq", "value": value}]}

    def within(fact, *values):
        return {"v": 1, "all": [{"fact": fact, "op": "in", "value": list(values)}]}

    publish_rules(
        plan={
            "rules": [
                {"when": when("product", "star"), "rate_bp": 1000},
                {"when": within("category", "clothes"), "rate_bp": 500},
                {"when": when("brand", "north"), "rate_bp": 400},
            ]
        }
    )
    make_binding(member=member, guide=guide)
    order = paid_order(
        member=member,
        store=store,
        paid_at=now,
        lines=[
            (make_product(code="star", category=coats, brand=brand), 1, 100),
            (make_product(category=coats, brand=brand), 1, 100),
            (make_product(brand=brand), 1, 100),
            (make_product(), 1, 100),
        ],
    )

    handle(paid_event(order), now=now)

    found = Attribution.objects.order_by("line_id").values_list("rate_bp", "evidence__rule")
    assert list(found) == [(1000, 0), (500, 1), (400, 2), (300, -1)]


def test_a_stored_value_card_earns_only_by_a_rule_that_names_it(store, member, guide, now):
    make_binding(member=member, guide=guide)
    publish_rules()
    card = make_card_product(operator=store.operator)
    plain = paid_order(member=member, store=store, paid_at=now, lines=[(card, 1, 50_000)])
    handle(paid_event(plain), now=now)
    named = {"v": 1, "all": [{"fact": "line_kind", "op": "eq", "value": "card"}]}
    later = now + timedelta(seconds=1)
    publish_policy(
        kind="commission_plan",
        body=PLAN | {"rules": [{"when": named, "rate_bp": 100}]},
        effective_from=later,
    )

    ruled = paid_order(member=member, store=store, paid_at=later, lines=[(card, 1, 50_000)])
    handle(paid_event(ruled), now=later)

    found = dict(Attribution.objects.values_list("line__order_id", "rate_bp"))
    assert found == {plain.pk: 0, ruled.pk: 100}


def test_without_a_policy_nothing_is_frozen(store, member, guide, now):
    make_binding(member=member, guide=guide)
    order = paid_order(member=member, store=store, paid_at=now)

    handle(paid_event(order), now=now)

    assert shares(order) == []


def test_frozen_stays_frozen(rules, store, member, guide, colleague, now):
    make_binding(member=member, guide=guide)
    order = paid_order(member=member, store=store, paid_at=now)
    handle(paid_event(order), now=now)
    publish_policy(
        kind="attribution",
        body=ATTRIBUTION | {"shares": {"opening": 5000, "serving": 5000}},
        effective_from=now + DAY,
    )
    before = shares(order)

    again = attribution_freeze(events=[refunded_event(order, now=now)], now=now + 2 * DAY)

    assert again == 0
    assert shares(order) == before == [("serving", guide.pk, 10_000)]
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        Attribution.objects.update(guide=colleague)
    handle(paid_event(order), now=now)


def test_two_hundred_orders_take_as_many_statements_as_one(
    rules, store, guide, now, django_assert_num_queries
):
    def orders(count):
        found = []
        for _each in range(count):
            member = make_member()
            make_binding(member=member, guide=guide)
            found.append(paid_event(paid_order(member=member, store=store, paid_at=now)))
        return found

    few, many = orders(1), orders(30)
    with django_assert_num_queries(6):  # lock, lines, policies, touches, bindings, insert
        assert attribution_freeze(events=few, now=now) == 1
    with django_assert_num_queries(6):
        assert attribution_freeze(events=many, now=now) == 30
    handle(*few, *many, now=now)
