"""The statement of a card as PDF, read back by a reader of PDF."""

import io
from datetime import timedelta

import pypdfium2
import pytest
from django.utils import translation

from config.kernel import clock
from config.kernel.actors import SYSTEM
from config.kernel.batches import batches_run
from config.kernel.export_files import exports_purge
from config.kernel.models import Batch, Event
from config.kernel.pdf_tables import Column, table_pdf
from members.cards import card_split
from members.guards import card_spend
from members.selectors import card_lots
from members.services.card_holder import card_transfer_holder
from tests.factories import (
    api_client,
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


@pytest.fixture
def member():
    return make_member(nickname="屿上的人", phone="+8613800138000")


@pytest.fixture
def card(member):
    operator = make_operator(code="issuer", name="申悦百货")
    return make_card(member, principal_fen=10_000, bonus_fen=1_000, operator=operator)


def spend(card, amount, now, reference="SO1"):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference=reference, acceptor_code="shop", now=now)


def ask(client, card, **period):
    return client.post(f"/api/v1/me/cards/{card.no}/statements", period, format="json")


def fetch(client, no):
    return client.get(f"/api/v1/me/statements/{no}/file")


def pages_of(answer) -> list[list[str]]:
    """The lines of text of each page."""
    assert answer.status_code == 200, answer.content
    document = pypdfium2.PdfDocument(b"".join(answer.streaming_content))
    return [page.get_textpage().get_text_bounded().splitlines() for page in document]


def work():
    return batches_run(clock=clock.now)


def test_a_member_asks_for_a_statement_and_fetches_it(member, card, now):
    spend(card, 5_500, now)
    client = api_client(member)
    answer = ask(client, card)
    asked = answer.json()
    assert answer.status_code == 201
    assert {k: asked[k] for k in ("card", "since", "until", "status", "done", "total")} == {
        "card": card.no,
        "since": None,
        "until": None,
        "status": "waiting",
        "done": 0,
        "total": 4,
    }
    early = fetch(client, asked["no"])
    assert (early.status_code, early.json()["errors"][0]["code"]) == (
        409,
        "card_statement_not_ready",
    )

    assert work() == 1

    shown = client.get(f"/api/v1/me/statements/{asked['no']}").json()
    assert (shown["status"], shown["done"]) == ("done", 4) and shown["expires_at"]
    file = fetch(client, asked["no"])
    assert file["Content-Type"] == "application/pdf"
    assert file["Content-Disposition"] == f'attachment; filename="{asked["no"]}.pdf"'
    [page] = pages_of(file)
    text = "\n".join(page)
    assert page[0] == "储值卡对账单"
    assert f"卡号: {card.no}" in text and "发卡主体: 申悦百货" in text
    assert f"持卡人: {member.no} 屿** +86138****8000" in text
    assert f"账期: 期初 – {clock.local_date(clock.now())}" in text
    assert member.phone not in text and member.nickname not in text
    lines = [line.split(" ", 2)[2] for line in page if line.startswith("20")]
    lot = card.lots.get().reference
    assert lines == [
        f"购买 {lot} +100.00 100.00",
        f"赠送 {lot} +10.00 110.00",
        "消费 SO1 -50.00 60.00",
        "消费 SO1 -5.00 55.00",
    ]
    assert "合计 +50.00 +5.00 55.00" in page
    assert page[-1] == "第 1 页，共 1 页"


def test_a_period_narrows_it_and_its_days_are_those_of_shanghai(member, card, now):
    midnight = now.astimezone(clock.SHANGHAI).replace(hour=0, minute=0, second=0)
    midnight += timedelta(days=3)
    spend(card, 1_100, midnight - timedelta(seconds=1), "SO1")
    spend(card, 2_200, midnight, "SO2")
    client, day = api_client(member), midnight.date().isoformat()
    asked = ask(client, card, since=day, until=day).json()
    work()
    [page] = pages_of(fetch(client, asked["no"]))
    lines = [line.split(" ", 2)[2] for line in page if line.startswith("20")]
    assert lines == ["消费 SO2 -20.00 79.00", "消费 SO2 -2.00 77.00"]
    assert any(f"{day} – {day}" in line for line in page)
    backwards = ask(client, card, since=day, until="2020-01-01")
    assert (backwards.status_code, backwards.json()["errors"][0]["attr"]) == (400, "until")


def test_lines_over_many_pages_are_all_there_and_pages_are_counted(member, now):
    card = make_card(member, principal_fen=100_000, bonus_fen=0)
    for n in range(120):
        spend(card, 100, now, f"SO{n:04d}")
    client = api_client(member)
    asked = ask(client, card).json()
    work()
    pages = pages_of(fetch(client, asked["no"]))
    assert [page[-1] for page in pages] == [f"第 {n} 页，共 3 页" for n in (1, 2, 3)]
    found = [word for page in pages for line in page for word in line.split() if "SO0" in word]
    assert found == [f"SO{n:04d}" for n in range(120)]
    assert Batch.objects.get(kind="card_statement").summary == {"rows": 121, "pages": 3}


@pytest.mark.parametrize("count", range(40, 56))
def test_the_number_of_pages_is_known_before_the_last(count):
    for facts in (0, 1, 2, 8):
        file = io.BytesIO()
        with translation.override("en"):
            pages = table_pdf(
                file,
                title="t",
                author="a",
                facts=[("k", "v")] * facts,
                columns=[Column("c", 100)],
                rows=[["x"]] * count,
                count=count,
            )
        document = pypdfium2.PdfDocument(file.getvalue())
        assert len(document) == pages
        last = document[pages - 1].get_textpage().get_text_bounded().splitlines()
        assert last[-1] == f"page {pages} of {pages}"


def test_what_no_face_can_show_does_not_stop_it(now):
    member = make_member(nickname="🐱咪")
    card = make_card(member)
    client = api_client(member)
    asked = ask(client, card).json()
    work()
    [page] = pages_of(fetch(client, asked["no"]))
    assert any(f"{member.no} ?*" in line for line in page)


def test_a_strangers_card_and_a_strangers_statement_do_not_exist(member, card):
    stranger = api_client(make_member())
    assert ask(stranger, card).status_code == 404
    assert not Batch.objects.exists()
    no = ask(api_client(member), card).json()["no"]
    work()
    assert stranger.get(f"/api/v1/me/statements/{no}").status_code == 404
    assert fetch(stranger, no).status_code == 404
    assert api_client().get(f"/api/v1/me/statements/{no}/file").status_code == 401


def test_asking_again_is_the_same_and_three_may_wait(member, card):
    client = api_client(member)
    first = ask(client, card).json()
    assert ask(client, card).json() == first
    for day in ("2026-01-01", "2026-01-02"):
        assert ask(client, card, since=day).status_code == 201
    refused = ask(client, card, since="2026-01-03")
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (
        409,
        "card_statements_waiting",
    )
    assert Batch.objects.count() == 3
    assert work() == 3
    assert ask(client, card).json()["no"] != first["no"]


def test_a_card_given_away_before_it_is_made_says_nothing_to_who_asked(member, card, now, folder):
    asked = ask(api_client(member), card).json()
    card_transfer_holder(
        card_id=card.pk, to_member_id=make_member().pk, reason="gift", actor=SYSTEM, now=now
    )
    work()
    shown = api_client(member).get(f"/api/v1/me/statements/{asked['no']}").json()
    assert shown["status"] == "failed"
    assert fetch(api_client(member), asked["no"]).json()["errors"][0]["code"] == "export_unknown"
    assert not folder.exists()


def test_the_file_is_gone_after_a_week(member, card, folder):
    client = api_client(member)
    asked = ask(client, card).json()
    work()
    batch = Batch.objects.get()
    assert [file.suffix for file in folder.iterdir()] == [".pdf"]
    assert exports_purge(now=batch.expires_at - timedelta(seconds=1)) == 0
    assert exports_purge(now=batch.expires_at) == 1
    assert list(folder.iterdir()) == []
    gone = fetch(client, asked["no"])
    assert (gone.status_code, gone.json()["errors"][0]["code"]) == (409, "export_gone")
    assert exports_purge(now=batch.expires_at) == 0


def test_staff_have_one_made_on_record_and_fetch_it(member, card, now):
    spend(card, 5_500, now)
    client = staff_client(make_user(superuser=True))
    url = f"/admin/members/card/{card.pk}/command/statement/"
    assert client.get(url).status_code == 200
    answer = client.post(url, {"since": "", "until": "", "reason": "customer asked"})
    assert answer.status_code == 302
    event = Event.objects.get(kind="kernel.exported")
    assert (event.payload["format"], event.payload["count"]) == ("pdf", 4)
    assert event.payload["filters"]["card"] == [card.no]
    work()
    batch = Batch.objects.get(kind="card_statement")
    [page] = pages_of(client.post(f"/admin/kernel/batch/{batch.pk}/file/"))
    assert "合计 +50.00 +5.00 55.00" in page
    # a member does not find what staff had made
    no = batch.request["no"]
    assert api_client(member).get(f"/api/v1/me/statements/{no}").status_code == 404


def test_staff_who_may_take_no_card_away_are_refused(card):
    clerk = make_staff(role="clerk")
    client = staff_client(clerk)
    url = f"/admin/members/card/{card.pk}/command/statement/"
    assert client.post(url, {"reason": "curious"}).status_code in (403, 404)
    assert not Batch.objects.exists()


def test_staff_who_lost_the_permission_get_no_file(card, folder):
    boss = make_user(superuser=True)
    staff_client(boss).post(
        f"/admin/members/card/{card.pk}/command/statement/", {"reason": "audit"}
    )
    boss.is_superuser = False
    boss.save()
    work()
    assert Batch.objects.get().status == "failed"
    assert not folder.exists()


def test_the_language_is_that_of_who_asked(member, card):
    client = api_client(member)
    answer = client.post(
        f"/api/v1/me/cards/{card.no}/statements",
        {},
        format="json",
        headers={"Accept-Language": "en"},
    )
    work()
    [page] = pages_of(fetch(client, answer.json()["no"]))
    assert page[0] == "Statement of a stored-value card"
    assert page[-1] == "page 1 of 1"
