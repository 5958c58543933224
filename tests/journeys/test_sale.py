"""The whole sale through HTTP: the very program that ``./run journey`` runs."""

import json

import pytest
from django.core.management import call_command

from config.kernel import audit
from config.sandbox.wechat import FakeWechat
from tests.journeys.sale import Sale
from tests.journeys.worker import worker

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mall(live_server, settings, tmp_path, monkeypatch):
    """The demo mall behind a real server, the fake WeChat beside it, a worker at work."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings.PUBLIC_URL = live_server.url
    call_command("load_demo", verbosity=0)
    logins = json.loads((tmp_path / "demo-logins.json").read_text(encoding="utf-8"))
    with FakeWechat(tmp_path / "wechat") as fake:
        settings.WECHAT = fake.config
        with worker():
            yield Sale(live_server.url, fake.base_url, logins, say=lambda text: None)


def test_one_sale_from_code_to_returned_unit(mall):
    mall.run()
    assert mall.steps == 10
    assert [f.line.code for f in audit.run() if f.violations] == []
    assert len(audit.run()) >= 20
