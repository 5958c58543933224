"""Pools of codes in the console: made, imported from a file, stopped, looked up."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from config.kernel.batches import batch_claim, batch_work
from config.kernel.export_files import folder
from config.kernel.models import Batch, Event
from coupons.models import CodePool, RedeemCode
from coupons.redeem_codes import code_hash, redeem_code
from coupons.services.code_pool import code_pool_create, code_pool_make
from tests.factories import make_operator, make_staff, make_template, make_user, staff_client

pytestmark = pytest.mark.django_db
NEW = reverse("admin:coupons_codepool_list_command", args=["new"])
LIST = reverse("admin:coupons_codepool_changelist")


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture
def template(operator):
    return make_template(operator=operator, code="tea20")


@pytest.fixture
def client(operator, now):
    user = make_user(is_staff=True)
    return staff_client(make_staff(user=user, operator=operator, role="headquarters", since=now))


@pytest.fixture(autouse=True)
def exports(settings, tmp_path):
    settings.EXPORT_DIR = tmp_path


def command(pool, name):
    return reverse("admin:coupons_codepool_command", args=[pool.pk, name])


def work(now) -> Batch:
    batch = batch_claim(now=now)
    assert batch is not None
    batch_work(batch, clock=lambda: now)
    batch.refresh_from_db()
    return batch


def form(**said):
    return {
        "template": "tea20",
        "name": "团购",
        "kind": "made",
        "count": "3",
        "reason": "团购",
    } | said


def test_codes_are_made_and_their_file_is_fetched(client, template, now):
    assert client.post(NEW, form(until="2026-12-31")).status_code == 302
    pool = CodePool.objects.get()
    assert (pool.template, pool.name, pool.count, pool.imported) == (template, "团购", 3, False)
    assert pool.valid_until.isoformat() == "2026-12-31T16:00:00+00:00"

    assert client.post(command(pool, "codes"), {"reason": "团购"}).status_code == 302
    batch = work(now)
    answer = client.post(reverse("admin:kernel_batch_file", args=[batch.pk]))

    lines = b"".join(answer.streaming_content).decode("utf-8-sig").split()
    assert lines[1].replace("-", "") == f"1,{redeem_code(pool.no, 1)}"
    assert len(lines) == 4
    assert RedeemCode.objects.count() == 3


def test_one_code_for_everybody(client, template):
    said = form(kind="shared", count="", shared_code="tea-2026")
    assert client.post(NEW, said).status_code == 302

    assert CodePool.objects.get().shared_code == "TEA2026"
    assert client.post(NEW, said).status_code == 409
    assert CodePool.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"template": "none"}, 404),
        ({"count": ""}, 200),
        ({"count": "1000001"}, 200),
        ({"shared_code": "TEA2026"}, 200),
        ({"kind": "shared", "count": ""}, 200),
        ({"kind": "shared", "count": "", "shared_code": "###"}, 400),
        ({"reason": ""}, 200),
    ],
)
def test_what_is_wrong_makes_no_pool(client, template, wrong, status):
    assert client.post(NEW, form(**wrong)).status_code == status
    assert not CodePool.objects.exists()


def test_a_template_of_another_operator_is_none(client, now):
    make_template(code="theirs")
    assert client.post(NEW, form(template="theirs")).status_code == 404
    assert not CodePool.objects.exists()


def test_codes_are_imported_from_a_file(client, template, now):
    assert client.post(NEW, form(kind="imported", count="3")).status_code == 302
    pool = CodePool.objects.get()
    text = "\ufeff券码\nAAAA-1111,x\n\nbbbb2222\nAAAA1111\n?\ncccc3333\ndddd4444"
    file = SimpleUploadedFile("codes.csv", text.encode())

    assert client.post(command(pool, "import"), {"file": file, "reason": "团购"}).status_code == 302
    batch = work(now)

    assert (batch.error, batch.done, batch.total) == ("", 8, 8)
    assert batch.summary == {"codes": 3, "refused": 3}
    assert [(r["line"], r["code"]) for r in batch.rejects] == [
        (5, "taken"),
        (6, "code"),
        (8, "full"),
    ]
    kept = set(RedeemCode.objects.values_list("code_hash", flat=True))
    assert kept == {code_hash(c) for c in ("AAAA1111", "BBBB2222", "CCCC3333")}
    assert not list(folder().iterdir())


def test_an_import_that_was_interrupted_goes_on_where_it_stopped(
    client, template, now, monkeypatch
):
    from coupons.services import code_pool_upload as uploads

    monkeypatch.setattr(uploads, "CHUNK", 2)
    pool = code_pool_create(template_id=template.pk, name="x", count=9, imported=True, now=now)
    uploads.code_pool_upload(
        pool_id=pool.pk,
        name="x.txt",
        pieces=[b"AAAA1111\n?\nCC", b"CC3333\n"],
        user=make_user(),
        now=now,
    )
    taken = uploads.code_pool_import

    def dies(*, pool_id, codes):
        if len(codes) == 1:
            raise RuntimeError
        return taken(pool_id=pool_id, codes=codes)

    monkeypatch.setattr(uploads, "code_pool_import", dies)
    assert (work(now).done, RedeemCode.objects.count()) == (2, 1)

    monkeypatch.setattr(uploads, "code_pool_import", taken)
    Batch.objects.update(error="", finished_at=None, lease="", lease_until=None)
    batch = work(now)
    assert (batch.error, batch.done) == ("", 3)
    # What was refused before it stopped is still known.
    assert batch.summary == {"codes": 2, "refused": 1}


@pytest.mark.parametrize("content", [b"", b"A\x00B\n", b"\n" * 1_000_002])
def test_what_is_no_list_of_codes_is_not_kept(template, now, content):
    from coupons.services.code_pool_upload import CodeFileInvalid, code_pool_upload

    pool = code_pool_create(template_id=template.pk, name="x", count=9, imported=True, now=now)
    with pytest.raises(CodeFileInvalid):
        code_pool_upload(pool_id=pool.pk, name="x", pieces=[content], user=make_user(), now=now)
    assert not Batch.objects.exists() and not list(folder().iterdir())


def test_a_pool_that_was_stopped_takes_no_more(client, template, now):
    pool = code_pool_create(template_id=template.pk, name="x", count=1, now=now)
    assert client.post(command(pool, "stop"), {"reason": "外泄"}).status_code == 302

    pool.refresh_from_db()
    assert pool.stopped_at is not None
    assert Event.objects.get(kind="coupons.pool_stopped").reason == "外泄"
    assert client.post(command(pool, "stop"), {"reason": "外泄"}).status_code == 409


def test_a_code_is_found_by_typing_it(client, template, now):
    pool = code_pool_create(template_id=template.pk, name="x", count=2, now=now)
    code_pool_make(pool_id=pool.pk)
    address = reverse("admin:coupons_redeemcode_changelist")

    found = client.get(address, {"q": redeem_code(pool.no, 2).lower()}).context["cl"].result_list
    assert [row.serial for row in found] == [2]
    assert len(client.get(address, {"q": pool.no}).context["cl"].result_list) == 2
    assert not client.get(address, {"q": "nothing-like-it"}).context["cl"].result_list
