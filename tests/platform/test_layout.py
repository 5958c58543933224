"""Where files go, whom they belong to, and translations that are compiled without msgfmt."""

import gettext
import os
from pathlib import Path

import pytest

from config.embedded.layout import EmbeddedError, Layout, ServerUser, can_reach, layout_for
from config.embedded.supervisor import port_number
from config.embedded.translations import translations_compile

STRANGER = ServerUser(uid=65533, gid=65533, name="nobody")


def forget(layout: Layout) -> None:
    """Remove the empty folders of a layout that lie outside its data directory."""
    layout.sockets.rmdir()
    layout.run.rmdir()
    if layout.servers != layout.data:
        layout.servers.rmdir()


def test_a_closed_folder_above_keeps_a_stranger_out(tmp_path: Path) -> None:
    folder = tmp_path / "closed" / "data"
    folder.mkdir(parents=True)
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == os.geteuid() and parent not in (Path("/"), Path("/tmp")):
            parent.chmod(0o755)
    assert can_reach(folder, STRANGER)

    (tmp_path / "closed").chmod(0o700)

    assert not can_reach(folder, STRANGER)


def test_two_data_directories_share_nothing(tmp_path: Path) -> None:
    one, two = layout_for(tmp_path / "one"), layout_for(tmp_path / "two")

    assert one.database_url() != two.database_url()
    assert one.redis_url != two.redis_url
    assert one.control != two.control
    # The whole path of a unix socket may have 107 bytes.
    assert len(f"{one.sockets}/.s.PGSQL.5432.lock".encode()) < 100
    assert layout_for(tmp_path / "one") == one
    forget(one)
    forget(two)


def test_a_planted_socket_folder_is_refused(tmp_path: Path) -> None:
    layout = layout_for(tmp_path / "data")
    forget(layout)
    layout.run.symlink_to(tmp_path)

    with pytest.raises(EmbeddedError, match="belongs to somebody else"):
        layout_for(tmp_path / "data")

    layout.run.unlink()
    if layout.servers != layout.data:
        layout.servers.rmdir()


def test_a_data_directory_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(EmbeddedError, match=r"cannot use DATA_DIR .*/file/data"):
        layout_for(tmp_path / "file" / "data")


@pytest.mark.parametrize("text", ["http", "0", "65535", "٨٠٠٠", "-1"])
def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("PORT", text)

    with pytest.raises(EmbeddedError, match="PORT is not a port number"):
        port_number()


def test_translations_are_compiled_once(tmp_path: Path) -> None:
    folder = tmp_path / "zh_Hans" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "django.po").write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n\n'
        'msgid "order"\nmsgstr "订单"\n',
        encoding="utf-8",
    )

    assert translations_compile(tmp_path) == 1
    assert translations_compile(tmp_path) == 0
    with (folder / "django.mo").open("rb") as compiled:
        assert gettext.GNUTranslations(compiled).gettext("order") == "订单"
