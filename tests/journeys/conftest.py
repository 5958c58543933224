import json
from collections.abc import Callable, Iterator

import pytest
from django.core.management import call_command

from config.sandbox.wechat import FakeWechat
from tests.journeys.story import Story
from tests.journeys.worker import worker


@pytest.fixture
def mall(live_server, settings, tmp_path, monkeypatch) -> Iterator[Callable[[type[Story]], Story]]:
    """The demo mall behind a real server, the fake WeChat beside it, a worker at work."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    settings.PUBLIC_URL = live_server.url
    call_command("load_demo", verbosity=0)
    logins = json.loads((tmp_path / "demo-logins.json").read_text(encoding="utf-8"))
    told: list[Story] = []

    def begin(story: type[Story]) -> Story:
        told.append(story(live_server.url, fake.base_url, logins, say=lambda text: None))
        return told[-1]

    with FakeWechat(tmp_path / "wechat") as fake:
        settings.WECHAT = fake.config
        with worker():
            yield begin
        for story in told:
            story.close()
