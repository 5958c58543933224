"""Settings of the test suite: real servers, a database of this run's own."""

import os

from config.settings.base import *

ALLOWED_HOSTS = ["*"]
# Fast, and of no use to an attacker here.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"]["TEST"] = {"NAME": f"test_mall_{os.getpid()}"}
# Commits need not survive a power cut of the machine that runs the tests.
_OPTIONS = DATABASES["default"].setdefault("OPTIONS", {})
_OPTIONS["options"] = f"{_OPTIONS.get('options', '')} -c synchronous_commit=off".strip()
CACHES["default"]["KEY_PREFIX"] = f"test{os.getpid()}"
STAFF_MFA_REQUIRED = False
# Routes what plays the shopper; a test that uses it names its own fake.
SANDBOX_WECHAT_URL = "http://127.0.0.1:1/"
DEMO_ALLOWED = True
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
