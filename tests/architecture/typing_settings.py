"""Settings for mypy's Django plugin: the same models, no environment and no server needed."""

import os
from pathlib import Path

_EXAMPLES = {
    "SECRET_KEY": "for type checking only",
    "DATABASE_URL": "postgres://mall@localhost/mall",
    "REDIS_URL": "redis://localhost:6379",
    "PUBLIC_URL": "http://localhost:8000",
    "WECHAT_CONFIG": str(Path(__file__).with_name("no_wechat.json")),
}
for _name, _value in _EXAMPLES.items():
    os.environ.setdefault(_name, _value)

from config.settings.test import *  # noqa: E402, F403  settings are star-imported
