"""Which coupons a payment brings is typed rule by rule."""

from datetime import timedelta

import pytest

from config.kernel.models import PolicyVersion
from tests.factories import make_operator, make_template, make_user, publish_policy, staff_client
from tests.kernel.admin.test_policy_forms import errors_of, send, shown

pytestmark = pytest.mark.django_db

LIST = "/admin/kernel/policyversion/"
DRAFT = f"{LIST}command/draft-payment_coupons/"


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


@pytest.fixture
def templates():
    operator = make_operator(code="east")
    return [make_template(operator=operator, code=code) for code in ("thanks-5", "thanks-10")]


def test_rules_are_typed_row_by_row(boss, templates):
    answer = send(
        boss,
        DRAFT,
        scope="east",
        template_1="thanks-5",
        min_fen_1="100",
        template_3="thanks-10",
        min_fen_3="0",
        take_back_3="on",
    )

    assert answer.status_code == 302
    draft = PolicyVersion.objects.get()
    assert (draft.kind, draft.scope, draft.note) == ("payment_coupons", "east", "as agreed")
    assert draft.body == {
        "v": 1,
        "rules": [
            {"template": "thanks-5", "min_fen": 10_000},
            {"template": "thanks-10", "min_fen": 0, "take_back": True},
        ],
    }


def test_what_is_in_force_is_shown_and_a_rule_without_coupon_goes(boss, templates, now):
    # given: a template that is over by now is still named
    make_template(code="over", claim_from=now - timedelta(9), claim_until=now - timedelta(1))
    make_template(code="over-2", claim_from=now - timedelta(9), claim_until=now - timedelta(1))
    rules = [
        {"template": "over", "min_fen": 5_000, "take_back": True},
        {"template": "thanks-5", "min_fen": 1},
    ]
    published = publish_policy(kind="payment_coupons", body={"v": 1, "rules": rules})
    fields = shown(boss, DRAFT)
    assert (fields["template_1"], fields["min_fen_1"]) == ("over", "50.00")
    assert fields["take_back_1"] == "on" and "take_back_2" not in fields
    assert "(over-2)" not in boss.get(DRAFT).content.decode()

    # when
    send(boss, DRAFT, template_2="", min_fen_2="")

    # then
    draft = PolicyVersion.objects.exclude(pk=published.pk).get()
    assert draft.body["rules"] == rules[:1]


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"template_1": "thanks-5"}, "min_fen_1"),
        ({"min_fen_2": "5"}, "template_2"),
        ({"take_back_2": "on"}, "template_2"),
        ({"template_1": "thanks-5", "min_fen_1": "1.234"}, "min_fen_1"),
        ({"template_1": "nobody-knows", "min_fen_1": "1"}, "template_1"),
        (
            {"template_1": "thanks-5", "min_fen_1": "1"}
            | {"template_2": "thanks-5", "min_fen_2": "2"},
            "template_2",
        ),
    ],
)
def test_half_a_rule_is_refused_where_something_is_missing(boss, templates, typed, wrong):
    answer = send(boss, DRAFT, **typed)

    assert set(errors_of(answer)) == {wrong}
    assert len(errors_of(answer)[wrong]) == 1
    assert not PolicyVersion.objects.exists()
