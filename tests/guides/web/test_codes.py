"""Codes: listed, searched for, made by a tap, shown as a picture."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Code
from config.kernel.wechat import api
from config.kernel.wechat.errors import WechatUnavailable
from config.sandbox.wechat import FakeWechat
from guides.services.code_create import code_create
from guides.services.touch_record import touch_record
from tests.factories import make_member, make_product, staff_client

pytestmark = pytest.mark.django_db

ENGLISH = {"accept-language": "en"}
HTMX = {"hx-request": "true", "accept-language": "en"}


@pytest.fixture
def client(guide):
    return staff_client(guide.user)


@pytest.fixture
def coat(db):
    return make_product(code="coat", name="羊毛大衣")


@pytest.fixture
def code(guide, coat, now):
    return code_create(guide_id=guide.pk, product_code="coat", actor=SYSTEM, now=now)


def test_codes_are_listed_with_their_scans(rules, client, guide, code, now):
    code_create(guide_id=guide.pk, actor=SYSTEM, now=now)
    for _each in range(2):
        touch_record(token=code.token, member_id=make_member().pk, actor=SYSTEM, now=now)

    answer = client.get("/guide/codes/", headers=ENGLISH)

    rows = [(c.purpose, c.product_name, c.scans) for c in answer.context["rows"]]
    assert rows == [("guide.personal", None, 0), ("guide.product", "羊毛大衣", 2)]
    assert "2 scans" in answer.content.decode()


def test_the_search_shows_what_is_on_sale(client, code, colleague, now):
    make_product(name="棉大衣")
    make_product(name="旧大衣", on_sale=False)
    make_product(name="帽子")

    answer = client.get("/guide/codes/products/?q=大衣", headers=HTMX)

    found = [(p.name, p.has_code) for p in answer.context["products"]]
    assert found == [("羊毛大衣", True), ("棉大衣", False)]
    assert b"<html" not in answer.content


def test_an_empty_search_asks_nothing_of_the_catalogue(client, django_assert_num_queries):
    with django_assert_num_queries(3):
        assert client.get("/guide/codes/products/?q=", headers=HTMX).status_code == 200


def test_a_tap_makes_the_code_and_shows_it(client, guide, coat):
    answer = client.post("/guide/codes/new/", {"product": "coat"}, headers=HTMX)

    code = Code.objects.get()
    assert answer.status_code == 200
    assert (code.owner_id, code.payload) == (guide.pk, {"product": "coat"})
    page = answer.content.decode()
    assert f"/guide/codes/{code.token}/image/" in page and "羊毛大衣" in page


def test_without_htmx_the_code_has_a_page_of_its_own(client, coat):
    answer = client.post("/guide/codes/new/", {"product": "coat"}, follow=True)

    token = Code.objects.get().token
    assert answer.redirect_chain == [(f"/guide/codes/{token}/", 302)]
    assert token in answer.content.decode()


def test_a_product_that_has_gone_is_said_so_and_makes_nothing(client, coat):
    coat.on_sale = False
    coat.save()

    by_htmx = client.post("/guide/codes/new/", {"product": "coat"}, headers=HTMX)
    by_form = client.post("/guide/codes/new/", {"product": "coat"}, headers=ENGLISH, follow=True)

    assert by_htmx.status_code == 404
    assert by_htmx["HX-Refusal"] == "code_target_unknown"
    assert by_htmx["HX-Retarget"] == "#messages"
    said = "There is nothing on sale, and no store of yours, called coat."
    assert said in by_htmx.content.decode()
    assert said in by_form.content.decode()
    assert not Code.objects.exists()


def test_the_picture_is_made_by_wechat(client, code, settings, tmp_path):
    with FakeWechat(tmp_path) as fake:
        settings.WECHAT = fake.config
        answer = client.get(f"/guide/codes/{code.token}/image/")
        kept = client.get(f"/guide/codes/{code.token}/image/")

    assert answer.status_code == 200
    assert answer["Content-Type"] in ("image/png", "image/jpeg")
    assert answer["Cache-Control"] == "private, max-age=86400"
    assert answer.content.startswith((b"\x89PNG", b"\xff\xd8"))
    assert kept.content == answer.content


def test_wechat_being_away_is_no_crash(client, code, monkeypatch):
    def away(**asked):
        raise WechatUnavailable

    monkeypatch.setattr("guides.services.code_image._appid", lambda mchid: "wx1")
    monkeypatch.setattr(api, "miniprogram_code", away)

    answer = client.get(f"/guide/codes/{code.token}/image/", headers=ENGLISH)

    assert answer.status_code == 503
    assert "WeChat does not answer." in answer.content.decode()


@pytest.mark.parametrize("path", ["", "image/"])
def test_nobody_sees_a_colleagues_code(colleague, code, path):
    answer = staff_client(colleague.user).get(f"/guide/codes/{code.token}/{path}")

    assert answer.status_code == 404


def test_the_list_is_paged_and_costs_a_fixed_number_of_statements(
    client, guide, now, django_assert_num_queries
):
    for n in range(21):
        make_product(code=f"p{n}")
        code_create(
            guide_id=guide.pk,
            product_code=f"p{n}",
            actor=SYSTEM,
            now=now + timedelta(seconds=n),
        )

    with django_assert_num_queries(4):  # session, user, guide; codes
        first = client.get("/guide/codes/")
    second = client.get(f"/guide/codes/?before={first.context['next']}")

    assert (len(first.context["rows"]), len(second.context["rows"])) == (20, 1)


def test_the_search_without_scripts_is_the_whole_page(client):
    make_product(code="COAT", name="羊绒大衣", skus=[99_900])
    text = client.get("/guide/codes/products/?q=大衣").content.decode()
    assert "羊绒大衣" in text and "</html>" in text
    assert client.get("/guide/codes/products/").status_code == 200
