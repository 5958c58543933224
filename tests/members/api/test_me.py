"""The calling member's own page: phone and consents."""

import pytest

from config.kernel.models import Event
from members.models import Consent, Member
from tests.factories import api_client, make_member, make_store, make_tier
from tests.shoppers import APP

pytestmark = pytest.mark.django_db


def phone_body(wechat, user="xiaoming") -> dict[str, str]:
    return {"app_id": APP, "phone_code": wechat.post("phone_code", user=user)["code"]}


def test_me_shows_who_the_member_is(now):
    tier, store = make_tier(code="gold"), make_store(code="sh1")
    member = make_member(phone="+8613800138000", nickname="小明", tier=tier, home_store=store)

    body = api_client(member).get("/api/v1/me").json()

    assert body.pop("created_at").endswith("+08:00")
    assert body == {
        "no": member.no,
        "nickname": "小明",
        "phone": "+8613800138000",
        "tier": {"code": "gold", "name": tier.name},
        "growth": 0,
        "home_store": {"code": "sh1", "name": store.name},
        "birthday": None,
        "consents": ["messages"],
    }


def test_the_phone_of_wechat_is_bound(wechat, shopper):
    member = make_member(phone=None)

    answer = api_client(member).post("/api/v1/me/phone", phone_body(wechat), format="json")

    assert (answer.status_code, answer.json()) == (200, {"phone": "+8613800138000"})
    member.refresh_from_db()
    assert member.phone == "+8613800138000"
    event = Event.objects.get(kind="members.phone_bound")
    assert (event.subject_id, event.actor_kind, event.payload) == (member.pk, "member", {})


def test_binding_the_same_phone_again_changes_nothing(wechat, shopper):
    member = make_member(phone="+8613800138000")

    answer = api_client(member).post("/api/v1/me/phone", phone_body(wechat), format="json")

    assert answer.status_code == 200
    assert Event.objects.count() == 0


def test_the_phone_of_another_member_is_refused(wechat, shopper):
    owner = make_member(phone="+8613800138000")
    member = make_member(phone=None)

    answer = api_client(member).post("/api/v1/me/phone", phone_body(wechat), format="json")

    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "phone_taken"
    assert Member.objects.get(phone="+8613800138000") == owner
    member.refresh_from_db()
    assert member.phone is None
    assert Event.objects.count() == 0


def test_a_login_code_is_no_phone_code(wechat, shopper):
    code = wechat.post("js_code", user="xiaoming", appid=APP)["js_code"]
    body = {"app_id": APP, "phone_code": code}

    answer = api_client(make_member(phone=None)).post("/api/v1/me/phone", body, format="json")

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "wechat_code_invalid"


def test_a_consent_is_given_once_and_withdrawn_once():
    member = make_member(messages=False)
    client = api_client(member)
    body = {"kind": "messages", "version": "2026-11"}

    first = client.post("/api/v1/me/consents", body, format="json")
    again = client.post("/api/v1/me/consents", body, format="json")

    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert client.get("/api/v1/me").json()["consents"] == ["messages"]
    assert client.delete("/api/v1/me/consents/messages").status_code == 204
    assert client.delete("/api/v1/me/consents/messages").status_code == 404
    assert client.get("/api/v1/me").json()["consents"] == []
    kinds = list(Event.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["members.consent_given", "members.consent_withdrawn"]


def test_a_new_version_of_the_text_ends_the_one_before():
    member = make_member(messages=False)
    client = api_client(member)
    for version in ("1", "2"):
        client.post("/api/v1/me/consents", {"kind": "terms", "version": version}, format="json")

    live = Consent.objects.get(member=member, withdrawn_at__isnull=True)
    assert live.version == "2"
    assert Consent.objects.filter(member=member).count() == 2


def test_an_unknown_kind_of_consent_is_refused():
    client = api_client(make_member(messages=False))

    answer = client.post("/api/v1/me/consents", {"kind": "soul", "version": "1"}, format="json")

    assert answer.status_code == 400
    assert Consent.objects.count() == 0


# --- birthday ------------------------------------------------------------------------------------


def birthday(member, **told):
    return api_client(member).post("/api/v1/me/birthday", told, format="json")


def test_a_birthday_is_told(now):
    member = make_member()
    answer = birthday(member, month=2, day=29)
    assert (answer.status_code, answer.json()) == (200, {"month": 2, "day": 29, "year": None})
    # The same again, as after a lost answer.
    assert birthday(member, month=2, day=29).status_code == 200
    shown = api_client(member).get("/api/v1/me").json()["birthday"]
    assert shown == {"month": 2, "day": 29, "year": None}


def test_a_birthday_is_not_moved_at_will(now):
    member = make_member()
    birthday(member, month=5, day=6, year=1992)
    answer = birthday(member, month=5, day=7)
    assert answer.status_code == 409
    assert answer.json()["errors"][0]["code"] == "birthday_fixed"
    member.refresh_from_db()
    assert (member.birth_month, member.birth_day, member.birth_year) == (5, 6, 1992)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"month": 2, "day": 30}, "birthday_invalid"),
        ({"month": 2, "day": 29, "year": 2023}, "birthday_invalid"),
        ({"month": 5, "day": 6, "year": 9999}, "birthday_invalid"),
        ({"month": 13, "day": 1}, "max_value"),
        ({"month": 0, "day": 1}, "min_value"),
        ({"month": 5}, "required"),
        ({"month": 5, "day": "x"}, "invalid"),
        ({"month": 5, "day": 6, "year": 1}, "min_value"),
    ],
)
def test_what_is_no_birthday_is_refused(now, told, code):
    member = make_member()
    answer = birthday(member, **told)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == code
    member.refresh_from_db()
    assert member.birthday is None
