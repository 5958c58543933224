"""Judged claims through HTTP: the challenge with a real login code, refusals that are kept."""

import pytest

from config.kernel.models import IdempotencyKey
from coupons.models import ClaimDecision, Coupon
from coupons.services.coupon_scan import place_code_issue
from tests.factories import api_client, make_member, make_template, publish_policy
from tests.shoppers import APP

pytestmark = pytest.mark.django_db
CLAIM = "/api/v1/coupon-templates/hot/claim"
CHALLENGE = "/api/v1/coupon-claims/challenge"


def rules(score, fact="claim_device_members", value=1):
    when = {"v": 1, "all": [{"fact": fact, "op": "gte", "value": value}]}
    rule = {"name": "rule", "when": when, "score": score}
    body = {"v": 1, "challenge_from": 50, "refuse_from": 90, "rules": [rule]}
    publish_policy(kind="claim_risk", body=body)


@pytest.fixture
def hot():
    return make_template(code="hot", judge_claims=True, per_member=5)


def claim(client, device="phone-1", path=CLAIM, body=None, **extra):
    return client.command(path, body or {}, HTTP_X_DEVICE_ID=device, **extra)


def refused(answer) -> str:
    assert answer.status_code == 403, answer.json()
    return answer.json()["errors"][0]["code"]


def code(wechat, user="xiaoming"):
    return wechat.post("js_code", user=user, appid=APP)["js_code"]


def test_a_challenge_is_passed_with_a_fresh_login_code(hot, wechat, shopper, log_in, client_of):
    rules(60)
    client = client_of(log_in())
    first = claim(client, key="claim-key-0001")
    assert refused(first) == "claim_challenged"
    challenge = first.json()["extra"]["challenge"]

    sent = {"challenge": challenge, "app_id": APP, "code": code(wechat)}
    answer = client.post(CHALLENGE, sent, format="json")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["template"] == "hot"
    again = claim(client, key="claim-key-0001")

    assert again.status_code == 201
    verdicts = ClaimDecision.objects.order_by("id").values_list("verdict", "score")
    assert list(verdicts) == [("challenge", 60), ("allow", 60)]
    assert Coupon.objects.get().no == again.json()["no"]
    replay = claim(client, key="claim-key-0001")
    assert replay.json() == again.json()
    assert ClaimDecision.objects.count() == 2


def test_somebody_else_s_login_code_passes_nothing(hot, wechat, shopper, log_in, client_of):
    rules(60)
    client = client_of(log_in())
    challenge = claim(client).json()["extra"]["challenge"]
    wechat.post("users", name="other", phone="+8613800138009")

    sent = {"challenge": challenge, "app_id": APP, "code": code(wechat, "other")}
    answer = client.post(CHALLENGE, sent, format="json")

    assert refused(answer) == "claim_challenge_failed"
    assert ClaimDecision.objects.get().answered_at is None
    assert refused(claim(client)) == "claim_challenged"


def test_a_refusal_says_no_rule_and_is_kept_without_device_or_address(hot):
    rules(90)
    member = make_member()

    answer = claim(api_client(member), REMOTE_ADDR="203.0.113.77")

    assert refused(answer) == "claim_refused"
    assert "rule" not in answer.content.decode().lower()
    decision = ClaimDecision.objects.get()
    assert (decision.verdict, decision.member_id) == ("refuse", member.pk)
    assert not Coupon.objects.exists()
    assert not IdempotencyKey.objects.exists()


def test_a_scan_is_refused_alike(hot):
    rules(90)
    token = place_code_issue(template_id=hot.pk, place="墙", now=hot.claim_from).token

    answer = claim(api_client(make_member()), path="/api/v1/coupon-scans", body={"token": token})

    assert refused(answer) == "claim_refused"
    assert ClaimDecision.objects.get().source == "scan"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("203.0.113.77", "203.0.113.5", True),
        ("203.0.113.77", "203.0.114.77", False),
        ("203.0.113.77", "::ffff:203.0.113.5", True),
        ("::ffff:203.0.113.77", "::ffff:203.0.114.77", False),
        ("2001:db8:1:2::1", "2001:db8:1:3::9", True),
        ("2001:db8:1::1", "2001:db8:2::1", False),
        ("unknown", "unknown", False),
    ],
)
def test_neighbours_in_a_network_count_together(hot, first, second, same):
    rules(90, fact="claim_network_hour")
    assert claim(api_client(make_member()), "", REMOTE_ADDR=first).status_code == 201

    answer = claim(api_client(make_member()), "", REMOTE_ADDR=second)

    assert answer.status_code == (403 if same else 201)


def test_claims_of_other_templates_ask_nothing(hot):
    rules(90)
    make_template(code="calm")

    answer = claim(api_client(make_member()), path="/api/v1/coupon-templates/calm/claim")

    assert answer.status_code == 201
    assert not ClaimDecision.objects.exists()


def test_a_challenge_that_is_none_is_not_found(hot, wechat, shopper, log_in, client_of):
    client = client_of(log_in())

    sent = {"challenge": "J0", "app_id": APP, "code": code(wechat)}
    answer = client.post(CHALLENGE, sent, format="json")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "claim_challenge_unknown"
