"""Limits by role: who acts alone, who approves, where, and up to how much."""

from datetime import timedelta

import pytest

from config.kernel import approvals
from config.kernel.actors import Actor
from config.kernel.approvals import (
    ApprovalNotYours,
    ApprovalOverLimit,
    Authority,
    approval_decide,
    approval_kind,
    approval_request,
)
from config.kernel.models import Approval
from config.kernel.policies import PolicyInvalid
from stores.approvals import (
    POLICY,
    Alone,
    approval_needed,
    checker_authority,
    limits_validate,
    to_decide,
)
from tests.factories import make_operator, make_staff, make_store, make_user, publish_policy
from tests.kernel.approving import KIND, payments, register
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db

LIMITS = {
    "alone": {"manager": 500, "clerk": 100, "headquarters": None},
    "check": {"manager": 2_000, "finance": 9_000, "headquarters": None, "auditor": None},
}


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    register(monkeypatch, limits=LIMITS)
    monkeypatch.setattr(approvals, "_kinds", {KIND: approval_kind(KIND)})


@pytest.fixture
def store():
    return make_store(operator=make_operator())


def approvals_to_decide(user, now):
    condition = to_decide(user, now)
    return Approval.objects.none() if condition is None else Approval.objects.filter(condition)


def here(store):
    return {"operator_id": store.operator_id, "store_id": store.pk}


def at(store, *, kind=KIND, user, now):
    return checker_authority(user=user, kind=approval_kind(kind), **here(store), now=now)


@pytest.fixture
def ask(store, now):
    def _ask(**fields):
        maker = make_staff(store=store, role="clerk")
        fields = {"subject_id": 7, "amount_fen": 1_000, **here(store), **fields}
        return approval_request(
            kind=KIND,
            subject_type="test.till",
            reason="多收了",
            actor=Actor.user(maker),
            now=now,
            **fields,
        )

    return _ask


# --- who approves -----------------------------------------------------------------------------


def test_authority_comes_with_the_role_at_the_place(store, now):
    elsewhere, before = make_store(), now - timedelta(days=1)
    cases = [
        (make_staff(store=store, role="manager"), Authority("manager", 2_000)),
        (make_staff(operator=store.operator, role="manager"), Authority("manager", 2_000)),
        (make_staff(role="headquarters"), Authority("headquarters", None)),
        (make_user(superuser=True), Authority("superuser", None)),
        (make_staff(store=store, role="clerk"), None),
        (make_staff(store=store, role="service"), None),
        (make_staff(store=elsewhere, role="manager"), None),
        (make_staff(operator=elsewhere.operator, role="manager"), None),
        (make_staff(store=store, role="manager", since=before, until=now), None),
        (make_user(is_staff=True), None),
        # A limit alone is no permission: finance and auditors do not change orders.
        (make_staff(operator=store.operator, role="finance"), None),
        (make_staff(role="auditor"), None),
    ]
    for user, expected in cases:
        assert at(store, user=user, now=now) == expected, user


def test_of_several_roles_the_highest_counts_where_it_holds(store, now):
    user = make_staff(store=store, role="manager")
    assert at(store, user=user, now=now) == Authority("manager", 2_000)

    make_staff(operator=store.operator, role="headquarters", user=user)
    user = type(user).objects.get(pk=user.pk)
    assert at(store, user=user, now=now) == Authority("headquarters", None)


def test_who_has_left_the_house_approves_nothing(store, now):
    boss = make_user(superuser=True)
    boss.is_active = False
    assert at(store, user=boss, now=now) is None
    assert not approvals_to_decide(boss, now).exists()


def test_a_groups_request_is_for_the_group(now):
    bound = make_staff(operator=make_operator(), role="headquarters")
    everywhere = make_staff(role="headquarters")
    place = {"kind": approval_kind(KIND), "operator_id": None, "store_id": None, "now": now}
    assert checker_authority(user=bound, **place) is None
    assert checker_authority(user=everywhere, **place) == Authority("headquarters", None)


def test_a_manager_decides_within_their_limit_and_it_is_kept(store, ask, now):
    manager = make_staff(store=store, role="manager")
    dear = ask(subject_id=8, amount_fen=2_001)
    with pytest.raises(ApprovalOverLimit):
        approval_decide(approval_id=dear.pk, approve=True, user=manager, now=now)
    assert payments() == 0

    approval = ask(amount_fen=2_000)
    approval_decide(approval_id=approval.pk, approve=True, user=manager, now=now)

    approval.refresh_from_db()
    assert (approval.checker_role, approval.limit_fen) == ("manager", 2_000)
    assert payments() == 1


def test_another_stores_manager_does_not_decide(ask, now):
    approval = ask()
    with pytest.raises(ApprovalNotYours):
        approval_decide(
            approval_id=approval.pk,
            approve=False,
            user=make_staff(store=make_store(), role="manager"),
            now=now,
        )
    approval.refresh_from_db()
    assert approval.state == "pending"


# --- who acts alone ---------------------------------------------------------------------------


def needed(store, user, amount_fen, now, **fields):
    return approval_needed(
        user=user, kind=KIND, amount_fen=amount_fen, **here(store), now=now, **fields
    )


@pytest.mark.parametrize(
    ("role", "amount_fen", "expected"),
    [
        ("manager", 500, False),
        ("manager", 501, True),
        ("clerk", 100, False),
        ("clerk", 101, True),
        ("headquarters", 10**9, False),
        ("service", 1, True),
    ],
)
def test_up_to_its_limit_a_role_acts_alone(store, now, role, amount_fen, expected):
    user = make_staff(store=store, role=role)
    assert needed(store, user, amount_fen, now) is expected
    assert needed(make_store(), user, amount_fen, now) is True


def test_a_superuser_needs_nobody(store, now):
    assert needed(store, make_user(superuser=True), 10**9, now) is False


def test_a_small_share_needs_nobody(store, now):
    body = {"v": 1, "kinds": {KIND: {**LIMITS, "share_bp": 2_000}}}
    publish_policy(kind=POLICY, body=body)
    user = make_staff(store=store, role="manager")
    # A fifth of 99.99 yuan, rounded down, is 19.99 yuan; beyond it the role's own limit counts.
    assert needed(store, user, 1_999, now, base_fen=9_999) is False
    assert needed(store, user, 2_000, now, base_fen=9_999) is True
    assert needed(store, user, 500, now, base_fen=100) is False
    assert needed(store, user, 1_999, now) is True


# --- the policy -------------------------------------------------------------------------------


def test_a_published_policy_replaces_the_built_in_limits_from_its_start_on(store, now):
    user = make_staff(store=store, role="manager", since=now - timedelta(days=9))
    start = now - timedelta(days=1)
    body = {"v": 1, "kinds": {KIND: {"alone": {"manager": 700}, "check": {"manager": 50}}}}
    publish_policy(kind=POLICY, body=body, effective_from=start)

    assert at(store, user=user, now=now) == Authority("manager", 50)
    assert at(store, user=user, now=start - timedelta(seconds=1)) == Authority("manager", 2_000)
    assert needed(store, user, 700, now) is False
    assert needed(store, make_staff(role="headquarters"), 1, now) is True


def test_a_kind_that_the_policy_does_not_name_keeps_its_own(store, now):
    publish_policy(kind=POLICY, body={"v": 1, "kinds": {}})
    user = make_staff(store=store, role="manager")
    assert at(store, user=user, now=now) == Authority("manager", 2_000)


def test_an_operator_may_have_limits_of_its_own(store, ask, now):
    group = {"v": 1, "kinds": {KIND: {"check": {"manager": 50, "headquarters": None}}}}
    own = {"v": 1, "kinds": {KIND: {"check": {"manager": 3_000, "headquarters": 10}}}}
    publish_policy(kind=POLICY, body=group)
    publish_policy(kind=POLICY, body=own, scope=store.operator.code)
    manager, boss = make_staff(store=store, role="manager"), make_staff(role="headquarters")
    other = make_store()

    assert at(store, user=manager, now=now) == Authority("manager", 3_000)
    assert at(store, user=boss, now=now) == Authority("headquarters", 10)
    assert at(other, user=boss, now=now) == Authority("headquarters", None)
    here_own, elsewhere = ask(), ask(subject_id=8, **here(other))
    assert list(approvals_to_decide(manager, now)) == [here_own]
    assert list(approvals_to_decide(boss, now)) == [elsewhere]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"v": 2, "kinds": {}},
        {"v": 1, "kinds": []},
        {"v": 1, "kinds": {}, "more": 1},
        {"v": 1, "kinds": {"test.unknown": {}}},
        {"v": 1, "kinds": {KIND: {"alone": {"cleaner": 1}}}},
        {"v": 1, "kinds": {KIND: {"alone": {"manager": -1}}}},
        {"v": 1, "kinds": {KIND: {"alone": {"manager": 1.5}}}},
        {"v": 1, "kinds": {KIND: {"alone": {"manager": True}}}},
        {"v": 1, "kinds": {KIND: {"check": ["manager"]}}},
        {"v": 1, "kinds": {KIND: {"share_bp": 10_001}}},
        {"v": 1, "kinds": {KIND: {"share_bp": None}}},
        {"v": 1, "kinds": {KIND: {"both": {}}}},
        {"v": 1, "kinds": {KIND: None}},
    ],
)
def test_a_body_that_could_not_be_obeyed_is_refused(body):
    with pytest.raises(PolicyInvalid):
        limits_validate(body)


# --- the inbox --------------------------------------------------------------------------------


def test_what_waits_for_me_is_what_i_could_decide(store, ask, now):
    small, dear = ask(), ask(subject_id=8, amount_fen=2_001)
    elsewhere = ask(subject_id=9, **here(make_store()))
    groups = ask(subject_id=10, operator_id=None, store_id=None)
    own = {"subject_id": 11, "amount_fen": 1}
    manager = make_staff(store=store, role="manager")
    mine = approval_request(
        kind=KIND,
        subject_type="test.till",
        reason="我的",
        actor=Actor.user(manager),
        now=now,
        **own,
        **here(store),
    )

    def waits(user):
        return list(approvals_to_decide(user, now).order_by("pk"))

    assert waits(manager) == [small]
    assert waits(make_staff(operator=store.operator, role="headquarters")) == [small, dear, mine]
    assert waits(make_staff(role="headquarters")) == [small, dear, elsewhere, groups, mine]
    assert waits(make_user(superuser=True)) == [small, dear, elsewhere, groups, mine]
    for role in ("clerk", "service", "finance", "auditor"):
        assert waits(make_staff(store=store, role=role)) == []

    approval_decide(approval_id=small.pk, approve=False, user=manager, now=now)
    assert waits(manager) == []


def test_it_agrees_with_the_judge_on_every_request(store, ask, now):
    """Two ways of asking the same thing: as a condition over rows, and about one row."""
    other = make_store()
    publish_policy(
        kind=POLICY,
        body={"v": 1, "kinds": {KIND: {"check": {"manager": 900, "headquarters": 5_000}}}},
        scope=other.operator.code,
    )
    places = [here(store), here(other), {"operator_id": None, "store_id": None}]
    places.append({"operator_id": store.operator_id, "store_id": None})
    asked = [
        ask(subject_id=n * 10 + m, amount_fen=amount, **place)
        for n, place in enumerate(places)
        for m, amount in enumerate((0, 900, 901, 2_000, 2_001, 5_001))
    ]
    scopes = [{}, {"store": store}, {"operator": store.operator}, {"store": other}]
    roles = ["manager", "headquarters", "finance"]
    users = [make_staff(role=role, **scope) for role in roles for scope in scopes]
    counts = set()
    for user in users:
        listed = set(approvals_to_decide(user, now).values_list("pk", flat=True))
        judged = {
            a.pk
            for a in asked
            for authority in [
                checker_authority(
                    user=user,
                    kind=approval_kind(KIND),
                    operator_id=a.operator_id,
                    store_id=a.store_id,
                    now=now,
                )
            ]
            if authority is not None and authority.covers(a.amount_fen)
        }
        assert listed == judged, user
        assert (to_decide(user, now) is None) == (user.assignments.get().role == "finance")
        counts.add(len(listed))
    assert len(counts) > 4


def test_the_inbox_costs_three_statements(store, ask, now, django_assert_num_queries):
    ask(), ask(subject_id=8)
    manager = make_staff(store=store, role="manager")
    with django_assert_num_queries(3):
        assert approvals_to_decide(manager, now).count() == 2


# --- audit ------------------------------------------------------------------------------------


@pytest.mark.corrupts
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE stores_assignment SET until = now() - interval '1 hour',"
        " since = now() - interval '2 hours' WHERE role = 'manager'",
        "UPDATE stores_assignment SET store_id = {other} WHERE role = 'manager'",
    ],
)
def test_a_decision_by_somebody_from_elsewhere(store, ask, now, sql):
    manager = make_staff(store=store, role="manager")
    approval_decide(approval_id=ask().pk, approve=True, user=manager, now=now)
    assert fired() == []

    plant(sql.format(other=make_store().pk), table="stores_assignment")
    assert fired() == ["approval.by_its_staff"]


def test_many_questions_cost_two_statements(store, now, django_assert_num_queries):
    user = make_staff(store=store, role="manager")
    with django_assert_num_queries(2):
        alone = Alone.at(user, now)
        answers = [
            alone.needs_another(kind=KIND, amount_fen=amount_fen, **here(store))
            for amount_fen in range(499, 503)
        ]
    assert answers == [False, False, True, True]
