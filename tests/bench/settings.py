"""Settings of the benchmark's server: the embedded ones, a database of its own, floors beside
the product, and limits that are counted but never reached."""

from typing import cast

from config.settings.embedded import *  # noqa: F403  settings are star-imported
from config.settings.embedded import CACHES, DATABASES, MIDDLEWARE, REST_FRAMEWORK

ROOT_URLCONF = "tests.bench.urls"
DATABASES["default"]["NAME"] += "_bench"
CACHES["default"]["KEY_PREFIX"] = DATABASES["default"]["NAME"]
MIDDLEWARE = ["tests.bench.probe.StatementCount", *MIDDLEWARE]
_rates = cast(dict[str, str], REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"])
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = dict.fromkeys(_rates, "1000000000/min")
# Thousands of members are seeded; none of them signs in with a password.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
