"""A reader who is slow to keep an answer cannot keep it for longer than it holds."""

from dataclasses import replace
from threading import Event as Signal

import pytest

from config.kernel import read_cache, valkey
from config.kernel.actors import SYSTEM
from config.kernel.relay import drain
from mall.api.catalogue import views
from mall.services.sku_change import sku_price_set
from tests.concurrency.race import failed, race
from tests.factories import api_client, make_product

pytestmark = pytest.mark.django_db(transaction=True)
PATH = "/api/v1/products/p1"


def shown() -> int:
    return api_client().get(PATH).json()["price_fen"]


@pytest.fixture
def reader_overtaken(now, monkeypatch):
    """One reads the old price and keeps it only after the new one was delivered to all."""
    sku = make_product(code="p1", skus=[1_000]).skus.get()
    has_read, is_changed = Signal(), Signal()
    detail = views.product_detail

    def read_then_wait(**asked):
        found = detail(**asked)
        if not is_changed.is_set():
            has_read.set()
            assert is_changed.wait(timeout=20)
        return found

    def change() -> None:
        assert has_read.wait(timeout=20)
        sku_price_set(sku_id=sku.pk, price_fen=900, reason="x", actor=SYSTEM, now=now)
        drain(now=now)
        is_changed.set()

    monkeypatch.setattr(views, "product_detail", read_then_wait)

    def run() -> list:
        results = race([shown, change])
        assert failed(results) == []
        return results

    return run


def test_an_old_answer_is_not_kept_under_the_new_version(reader_overtaken):
    assert reader_overtaken() == [1_000, None]

    assert shown() == 900
    assert shown() == 900


def test_control_with_the_version_of_the_moment_of_keeping_the_old_price_stays(
    reader_overtaken, monkeypatch
):
    keep = read_cache.keep

    def keep_under_the_version_of_now(found, answer, **how):
        version = valkey.client().get(valkey.key("read-version:catalogue")).decode()
        keep(replace(found, version=version), answer, **how)

    monkeypatch.setattr(read_cache, "keep", keep_under_the_version_of_now)
    assert reader_overtaken() == [1_000, None]

    assert shown() == 1_000


def test_of_many_at_once_one_works_an_answer_out_anew(monkeypatch):
    """The others get the old one for that moment."""
    read = _work_out_together(monkeypatch)
    assert len(read) == 1


def test_control_without_the_guard_all_of_them_do(monkeypatch):
    monkeypatch.setattr(read_cache, "fill_begin", lambda found: True)
    read = _work_out_together(monkeypatch)
    assert len(read) == 4


def _work_out_together(monkeypatch) -> list[str]:
    make_product(code="p1")
    shown()
    read_cache.bump("catalogue")
    read, detail, all_asked = [], views.product_detail, Signal()

    def slowly(**asked):
        read.append(asked["code"])
        if len(read) == 4:
            all_asked.set()
        all_asked.wait(timeout=1)
        return detail(**asked)

    monkeypatch.setattr(views, "product_detail", slowly)
    assert failed(race([shown] * 4)) == []
    return read
