"""A WeChat of our own for development, tests and the embedded default.

WeChat Pay v3 has no sandbox, so this server plays both hosts (``api.weixin.qq.com`` and
``api.mch.weixin.qq.com``): it signs, verifies and encrypts for real, keeps its state in SQLite,
and misbehaves on demand. ``python -m config.sandbox.wechat --help`` runs it; tests start
:class:`FakeWechat` in a thread. ``README.md`` lists the control API.
"""

from .server import FakeWechat

__all__ = ["FakeWechat"]
