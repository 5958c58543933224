"""Settings of the embedded default: everything on this machine, demo logins, no TLS.

The launcher (``config.embedded``) exports the environment that the base settings read.
"""

from urllib.parse import urlsplit

from config.env import env
from config.settings.base import *

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
STAFF_MFA_REQUIRED = False
# The demo mall has known passwords; only here may it be loaded.
DEMO_ALLOWED = True
# Served straight from the packages: nothing to collect before the first start.
STATIC_ROOT = None  # type: ignore[assignment]  # a path elsewhere
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
EXPORT_DIR = env.path("EXPORT_DIR", default=env.path("DATA_DIR", BASE_DIR / ".local") / "exports")

# The fake WeChat answers to this machine alone; a real one is never asked to play the shopper.
if urlsplit(WECHAT.get("api_base", "")).hostname in ("127.0.0.1", "::1", "localhost"):
    SANDBOX_WECHAT_URL = WECHAT["api_base"]
