"""The switch in the console, what it says it saves, alerts, decisions in words, the rules' form."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.kernel.models import Event, PolicyVersion
from coupons.guards import coupon_claim
from coupons.models import ClaimDecision, QuotaAlert
from coupons.services.quota_alerts import quota_alerts_find
from tests.factories import (
    make_member,
    make_operator,
    make_staff,
    make_template,
    make_user,
    publish_policy,
    staff_client,
)
from tests.kernel.admin.test_policy_forms import errors_of, send, shown

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture
def template(operator, now):
    template = make_template(
        operator=operator, quota=10, planned_per_hour=2, claim_until=now + timedelta(hours=2)
    )
    for _n in range(3):
        coupon_claim(template_code=template.code, member_id=make_member().pk, now=now)
    return template


@pytest.fixture
def client(operator, now):
    user = make_user(is_staff=True)
    return staff_client(make_staff(user=user, operator=operator, role="headquarters", since=now))


def page(name, row) -> str:
    return reverse(f"admin:coupons_{name}_change", args=[row.pk])


def command(name, row, what) -> str:
    return reverse(f"admin:coupons_{name}_command", args=[row.pk, what])


@pytest.fixture
def alert(template, now):
    assert quota_alerts_find(now=now) == 1
    return QuotaAlert.objects.get()


def test_a_template_is_stopped_from_its_page_which_says_what_that_saves(client, template):
    shown_before = client.get(command("template", template, "stop")).content.decode()
    assert "最多可省：全部剩余: 7 张，¥140.00" in shown_before

    client.post(command("template", template, "stop"), {"reason": "羊毛党"})

    template.refresh_from_db()
    assert (template.stopped_at is not None, template.use_stopped_at) == (True, None)
    event = Event.objects.get(kind="coupons.template_stopped")
    assert (event.subject_id, event.reason) == (template.pk, "羊毛党")
    html = client.get(page("template", template)).content.decode()
    assert "最多可省：全部剩余" in html
    assert "7 张，¥140.00" in html
    assert "3 张，¥60.00" in html


def test_an_alert_stops_its_template_and_its_use(client, template, alert):
    assert client.get(page("quotaalert", alert)).status_code == 200

    client.post(command("quotaalert", alert, "stop"), {"reason": "泄露", "use": "on"})

    template.refresh_from_db()
    assert template.use_stopped_at == template.stopped_at is not None


def test_a_stop_without_a_reason_stops_nothing(client, template):
    answer = client.post(command("template", template, "stop"), {"reason": ""})

    assert list(errors_of(answer)) == ["reason"]
    template.refresh_from_db()
    assert template.stopped_at is None


def test_a_template_goes_on(client, template):
    client.post(command("template", template, "stop"), {"reason": "泄露"})
    client.post(command("template", template, "resume"), {"reason": "已换码"})

    template.refresh_from_db()
    assert template.stopped_at is None
    assert Event.objects.filter(kind="coupons.template_resumed", reason="已换码").count() == 1


def test_an_alert_is_settled(client, alert):
    client.post(command("quotaalert", alert, "settle"), {"reason": "直播间"})

    alert.refresh_from_db()
    assert (alert.note, alert.settled_at is not None) == ("直播间", True)


def decide(template, n, **known) -> ClaimDecision:
    when = {"v": 1, "all": [{"fact": "claim_device_members", "op": "gte", "value": 3}]}
    return ClaimDecision.objects.create(
        **{
            "no": f"J{n:04d}",
            "template": template,
            "member": make_member(),
            "source": "claim",
            "verdict": "refuse",
            "score": 95,
            "policy": publish_policy_once(),
            "facts": {"claim_device_members": 4},
            "reasons": [{"name": "一机多号", "score": 95, "when": when}],
            "decided_at": template.claim_from,
            **known,
        }
    )


def publish_policy_once() -> PolicyVersion:
    known = PolicyVersion.objects.filter(kind="claim_risk").first()
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": []}
    return known or publish_policy(kind="claim_risk", body=body)


def test_a_decision_says_why_in_words(client, template):
    html = client.get(page("claimdecision", decide(template, 1))).content.decode()

    assert "一机多号 (+95): 30 天内该设备上的会员数不低于3" in html
    assert "30 天内该设备上的会员数: 4" in html


def test_the_lists_take_a_fixed_number_of_statements(client, template, alert):
    counts = []
    for first in (1, 3):
        for n in range(first, first + 2):
            decide(template, n)
            QuotaAlert.objects.create(
                template=template,
                step_percent=200 * n,
                day=alert.day,
                claims=9,
                planned=2,
                found_at=alert.found_at,
            )
        for name in ("claimdecision", "quotaalert"):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(reverse(f"admin:coupons_{name}_changelist")).status_code == 200
            counts.append(len(captured))
    assert counts[:2] == counts[2:]


DRAFT = "/admin/kernel/policyversion/command/draft-claim_risk/"
TWO = {
    "name": "新号带邻号",
    "score": 40,
    "when": {
        "v": 1,
        "all": [
            {"fact": "claim_account_days", "op": "lte", "value": 1},
            {"fact": "claim_phone_neighbours", "op": "gte", "value": 5},
        ],
    },
}


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def test_rules_are_typed_row_by_row(boss):
    send(
        boss,
        DRAFT,
        challenge_from="40",
        name_1="新号",
        fact_1="claim_account_days",
        op_1="lte",
        value_1="3",
        score_1="30",
        name_2="老客",
        fact_2="orders",
        op_2="gte",
        value_2="5",
        score_2="-50",
    )

    draft = PolicyVersion.objects.get(kind="claim_risk")
    assert draft.body == {
        "v": 1,
        "challenge_from": 40,
        "refuse_from": 90,
        "rules": [
            {
                "name": "新号",
                "score": 30,
                "when": {"v": 1, "all": [{"fact": "claim_account_days", "op": "lte", "value": 3}]},
            },
            {
                "name": "老客",
                "score": -50,
                "when": {"v": 1, "all": [{"fact": "orders", "op": "gte", "value": 5}]},
            },
        ],
    }


def test_rules_of_several_clauses_stay_and_publishing_shows_what_would_change(boss, template):
    one = {
        "name": "一机多号",
        "score": 95,
        "when": {"v": 1, "all": [{"fact": "claim_device_members", "op": "gte", "value": 3}]},
    }
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": [one, TWO]}
    published = publish_policy(kind="claim_risk", body=body)
    decide(template, 1)
    assert shown(boss, DRAFT)["name_1"] == "一机多号"

    send(boss, DRAFT, score_1="60")

    draft = PolicyVersion.objects.exclude(pk=published.pk).get()
    assert draft.body["rules"] == [one | {"score": 60}, TWO]
    publish = f"/admin/kernel/policyversion/{draft.pk}/command/publish/"
    html = boss.get(publish).content.decode()
    assert "最近 7 天的领取: 1" in html
    assert "将会要求验证: 1" in html


def test_half_a_rule_is_refused_where_it_is_missing_something(boss):
    answer = send(boss, DRAFT, name_1="新号", fact_1="claim_phone")

    assert set(errors_of(answer)) == {"value_1", "score_1"} | (
        {"op_1"} if "op_1" in errors_of(answer) else set()
    )
    assert not PolicyVersion.objects.exists()
