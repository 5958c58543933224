"""Rules of business are typed field by field; what a form does not know stays."""

import re
from html import unescape

import pytest

from config.kernel.models import PolicyVersion
from config.kernel.policies import policy_draft
from members.admin.policy_forms import PointsPolicyForm
from members.card_rules import CardRules
from members.models import Tier
from tests.factories import make_member, make_staff, make_user, publish_policy, staff_client

pytestmark = pytest.mark.django_db

LIST = "/admin/kernel/policyversion/"


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def shown(client, url) -> dict[str, str]:
    """The fields of a form as a browser would send them back."""
    page = client.get(url).content.decode()
    found = {}
    for tag in re.findall(r"<input [^>]+>", page):
        attrs = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        if attrs.get("type") == "checkbox":
            if re.search(r"\schecked(?=[\s>/])", tag) and "name" in attrs:
                found[attrs["name"]] = "on"
        elif attrs.get("name"):
            found[attrs["name"]] = unescape(attrs.get("value", ""))
    for name, text in re.findall(r'<textarea name="([^"]+)"[^>]*>\n?(.*?)</textarea>', page, re.S):
        found[unescape(name)] = unescape(text)
    for name, options in re.findall(r'<select name="([^"]+)".*?>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)"\s+selected', options)
        if chosen:
            found[name] = unescape(chosen.group(1))
    return found


def send(client, url, **changed):
    return client.post(url, {**shown(client, url), "reason": "as agreed", **changed})


def errors_of(answer) -> dict[str, list[str]]:
    return {name: [str(e) for e in found] for name, found in answer.context["form"].errors.items()}


def test_the_list_offers_a_form_per_kind_and_json_for_the_rest(boss):
    page = boss.get(LIST).content.decode()
    for name in ("draft-cards", "draft-points", "draft-tiers", "draft-approval_limits", "draft"):
        assert f"{LIST}command/{name}/" in page


def test_cards_begin_with_the_law_and_one_figure_is_changed(boss):
    url = f"{LIST}command/draft-cards/"
    assert shown(boss, url)["named_limit_fen"] == "5000.00"
    assert shown(boss, url)["custody_bp_brand"] == "40"

    answer = send(boss, url, named_limit_fen="2000", custody_class_franchise="group", scope="east")

    assert answer.status_code == 302
    draft = PolicyVersion.objects.get()
    assert (draft.kind, draft.scope, draft.note) == ("cards", "east", "as agreed")
    rules, law = CardRules.read(draft.body), CardRules()
    assert (rules.named_limit_fen, rules.custody_class["franchise"]) == (200_000, "group")
    changed = {x for x in CardRules.__dataclass_fields__ if getattr(rules, x) != getattr(law, x)}
    assert changed == {"named_limit_fen", "custody_class"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("named_limit_fen", "5000.01"),
        ("named_limit_fen", "12.345"),
        ("unnamed_valid_days", "1095"),
        ("refund_days", "6"),
        ("transfer_from_company_fen", "5000.01"),
        ("custody_bp_brand", "39.99"),
        ("custody_bp_brand", "100.01"),
        ("custody_bp_scale", "many"),
        ("custody_class_direct", "none"),
        ("consume", "newest"),
        ("alerts_refund_hours", "0"),
    ],
)
def test_what_the_law_forbids_is_said_at_its_field(boss, field, value):
    answer = send(boss, f"{LIST}command/draft-cards/", **{field: value})
    assert answer.status_code == 200
    assert list(errors_of(answer)) == [field]
    assert not PolicyVersion.objects.exists()


def test_a_version_is_changed_into_a_new_draft_and_keeps_its_scope(boss, now):
    version = policy_draft(
        kind="cards", scope="east", body={"v": 1, "gift_days": 9, "alerts": {}}, now=now
    )
    url = f"{LIST}{version.pk}/command/edit-cards/"
    assert (shown(boss, url)["gift_days"], shown(boss, url)["scope"]) == ("9", "east")
    assert send(boss, url, cash_refund_most_fen="50").status_code == 302
    draft = PolicyVersion.objects.latest("version")
    assert (draft.version, draft.scope) == (2, "east")
    assert (draft.body["gift_days"], draft.body["cash_refund_most_fen"]) == (9, 5_000)
    page = boss.get(f"{LIST}{version.pk}/change/").content.decode()
    assert "edit-cards" in page and "edit-points" not in page


def test_points_of_the_first_version_become_ones_of_the_second(boss):
    body = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
    publish_policy(kind="points", body=body)
    url = f"{LIST}command/draft-points/"
    fields = shown(boss, url)
    assert (fields["fen_per_point"], fields["expiry"], fields["expiry_length"]) == (
        "1.00",
        "days",
        "365",
    )
    answer = send(
        boss,
        url,
        tender="on",
        tender_fen_per_point="0.01",
        tender_max_share_bp="50",
        tender_step_points="100",
        rules='[{"when": {}, "rate_bp": 20000}]',
        exclude_card_bonus="on",
    )
    assert answer.status_code == 302
    assert PolicyVersion.objects.latest("version").body == {
        "v": 2,
        "fen_per_point": 100,
        "expiry": {"kind": "days", "days": 365},
        "rules": [{"when": {}, "rate_bp": 20_000}],
        "exclude_card_bonus": True,
        "min_days_after_return": 30,
        "tender": {"fen_per_point": 1, "max_share_bp": 5_000, "step_points": 100},
    }


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"expiry": "days", "expiry_length": ""}, "expiry_length"),
        ({"tender": "on"}, "tender_fen_per_point"),
        ({"min_days_after_return": "29"}, "min_days_after_return"),
        ({"rules": "[{"}, "rules"),
        ({"rules": '[{"when": {}, "rate_bp": 100001}]'}, "__all__"),
        ({"fen_per_point": "0"}, "__all__"),
    ],
)
def test_points_that_cannot_be_are_refused(boss, changed, field):
    answer = send(boss, f"{LIST}command/draft-points/", **{"fen_per_point": "1", **changed})
    assert answer.status_code == 200
    assert field in errors_of(answer)
    assert not PolicyVersion.objects.exists()


def tiers_body():
    return {
        "v": 1,
        "fen_per_growth": 100,
        "window_days": None,
        "period_days": 365,
        "grace_days": 30,
        "tiers": [
            {"code": "normal", "growth_from": 0},
            {"code": "gold", "growth_from": 5_000, "price_level": "vip"},
        ],
    }


@pytest.fixture
def tiers():
    Tier.objects.create(code="normal", name="普通", growth_from=0)
    Tier.objects.create(code="gold", name="金卡", growth_from=5_000)
    Tier.objects.create(code="black", name="黑卡", growth_from=50_000)


def test_tiers_are_three_fields_each(boss, tiers):
    publish_policy(kind="tiers", body=tiers_body())
    url = f"{LIST}command/draft-tiers/"
    fields = shown(boss, url)
    assert (fields["gold_growth_from"], fields["gold_price_level"]) == ("5000", "vip")
    assert fields["black_growth_from"] == ""
    answer = send(
        boss,
        url,
        window_days="365",
        gold_upgrade_coupons="gold-gift cake",
        black_growth_from="50000",
    )
    assert answer.status_code == 302
    body = PolicyVersion.objects.latest("version").body
    assert body["window_days"] == 365
    found = [(x["code"], x["growth_from"], x["upgrade_coupons"]) for x in body["tiers"]]
    assert found == [
        ("normal", 0, []),
        ("gold", 5_000, ["gold-gift", "cake"]),
        ("black", 50_000, []),
    ]
    assert body["tiers"][1]["price_level"] == "vip"


def test_two_tiers_from_the_same_growth_are_refused(boss, tiers):
    publish_policy(kind="tiers", body=tiers_body())
    answer = send(boss, f"{LIST}command/draft-tiers/", black_growth_from="5000")
    assert "__all__" in errors_of(answer)
    assert PolicyVersion.objects.count() == 1


def test_publishing_shows_whom_a_draft_of_tiers_would_move(boss, tiers, now):
    draft = policy_draft(kind="tiers", body=tiers_body(), now=now)
    url = f"{LIST}{draft.pk}/command/publish/"
    assert boss.get(url).context["form"].preview == []
    make_member(), make_member()
    assert boss.get(url).context["form"].preview == ["立即升级：无等级 → 普通: 2"]
    assert "无等级 → 普通: 2" in boss.get(url).content.decode()


def test_limits_are_lines_of_roles_and_amounts(boss):
    url = f"{LIST}command/draft-approval_limits/"
    answer = send(
        boss,
        url,
        **{
            "mall.refund alone": "manager 500\nheadquarters *",
            "mall.refund check": "finance 1,000.50",
            "mall.refund share_bp": "20",
        },
    )
    assert answer.status_code == 302
    # what was left as it is registered is not frozen into the version
    assert PolicyVersion.objects.get().body == {
        "v": 1,
        "kinds": {
            "mall.refund": {
                "alone": {"manager": 50_000, "headquarters": None},
                "check": {"finance": 100_050},
                "share_bp": 2_000,
            }
        },
    }


@pytest.mark.parametrize(
    "lines", ["boss 5", "manager", "manager five", "manager -1", "manager 1\nmanager 2"]
)
def test_limits_that_cannot_be_read_are_said_at_their_field(boss, lines):
    answer = send(boss, f"{LIST}command/draft-approval_limits/", **{"mall.refund alone": lines})
    assert list(errors_of(answer)) == ["mall.refund alone"]
    assert not PolicyVersion.objects.exists()


def test_what_a_form_does_not_know_stays(boss, monkeypatch):
    body = {
        "v": 2,
        "fen_per_point": 100,
        "expiry": {"kind": "never"},
        "min_days_after_return": 30,
        "exclude_card_bonus": False,
    }
    publish_policy(kind="points", body=body)
    monkeypatch.setattr(PointsPolicyForm, "keys", PointsPolicyForm.keys - {"exclude_card_bonus"})
    fields = shown(boss, f"{LIST}command/draft-points/")
    assert fields["more"] == '{"exclude_card_bonus": false}'


def test_who_may_draft_no_rule_sees_no_form():
    client = staff_client(make_staff(role="clerk"))
    assert client.get(f"{LIST}command/draft-cards/").status_code == 403
    assert client.post(f"{LIST}command/draft-cards/", {"reason": "x"}).status_code == 403
    assert not PolicyVersion.objects.exists()
