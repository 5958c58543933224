"""Settings of a public installation: behind a proxy that ends TLS, on outside servers.

Every variable without a default here or in the base settings is required; the table is in the
README. ``manage.py check --deploy`` is clean with these settings.
"""

from config.env import ConfigError, env
from config.settings.base import *

ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", help="mall.example.com,desk.example.com")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", help="https://mall.example.com")
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5 or SECRET_KEY.startswith("django-insecure-"):
    raise ConfigError("SECRET_KEY is too weak: 50 random characters")
if not PUBLIC_URL.startswith("https://"):
    raise ConfigError("PUBLIC_URL is not an https address: WeChat calls back over TLS only")

STAFF_MFA_REQUIRED = True

# The proxy must set this header itself and drop the one that a client sends.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
# Probes of the machine itself come without TLS.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# With them a subdomain cannot plant a cookie of ours.
SESSION_COOKIE_NAME = "__Host-session"
CSRF_COOKIE_NAME = "__Host-csrf"

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_ROOT = env.path("STATIC_ROOT", default=STATIC_ROOT)
