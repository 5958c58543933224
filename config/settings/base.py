"""Settings common to every way of running. What differs between machines comes from ``env``."""

from pathlib import Path
from typing import Any

import dj_database_url
import structlog
from django.utils.translation import gettext_lazy as _

# Makes our Celery app the one that every shared_task of a Django process belongs to.
from config.celery import app as celery_app  # noqa: F401  workers look for it here
from config.env import broker_url, cache_url, env
from config.settings.unfold import UNFOLD  # noqa: F401  the admin site reads it

BASE_DIR = Path(__file__).resolve().parent.parent.parent

SECRET_KEY = env.str("SECRET_KEY", help="50 random characters")
DATABASE_URL = env.url(
    "DATABASE_URL", ["postgres", "postgresql"], help="postgres://user:password@host:5432/name"
)
REDIS_URL = env.url("REDIS_URL", ["redis", "rediss", "unix"], help="redis://host:6379")
PUBLIC_URL = env.url(
    "PUBLIC_URL", ["http", "https"], help="https://mall.example.com (where callbacks reach us)"
).rstrip("/")
WECHAT = env.json_file("WECHAT_CONFIG", help="path of the JSON file with mini-programs, merchants")
# Where a fake WeChat is controlled. Only the embedded default and tests have one: with it the
# shop front at ``/`` can log somebody in and pay.
SANDBOX_WECHAT_URL = ""

DEBUG = False
ALLOWED_HOSTS: list[str] = []

INSTALLED_APPS = [
    "config.kernel",
    "stores",
    "members",
    "coupons",
    "mall",
    "guides",
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.headless",
    "allauth.mfa",
    "allauth.socialaccount",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_htmx",
    "django_structlog",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "config.kernel.middleware.NulMiddleware",
    "config.kernel.middleware.StaffMfaMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "django_structlog.middlewares.RequestMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        **dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=False),
        "ATOMIC_REQUESTS": False,
    }
}
# Statements are prepared on the server from their second use: half of its CPU for big ones.
DATABASES["default"].setdefault("OPTIONS", {}).update(
    {"server_side_binding": True, "prepare_threshold": 2}
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

VALKEY_URL = cache_url(REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": VALKEY_URL,
        "TIMEOUT": 300,
    }
}

# --- people ----------------------------------------------------------------------------------
AUTH_USER_MODEL = "kernel.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
    "stores.backends.RoleBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SESSION_ENGINE = "config.kernel.sessions"
SESSION_COOKIE_AGE = 14 * 24 * 3600
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "members.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "members.adapters.SocialAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_RATE_LIMITS = {"login_failed": "10/m/ip,5/5m/key"}
SOCIALACCOUNT_AUTO_SIGNUP = True
SOCIALACCOUNT_ONLY = False
SOCIALACCOUNT_STORE_TOKENS = False
HEADLESS_ONLY = False
HEADLESS_ADAPTER = "members.adapters.HeadlessAdapter"
HEADLESS_CLIENTS = ("app",)
HEADLESS_SERVE_SPECIFICATION = False
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
STAFF_MFA_REQUIRED = True

# --- language and time -----------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]
USE_I18N = True
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

# --- static files ----------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "templates" / "static"]
STATIC_ROOT = BASE_DIR / "build" / "static"
# Uploaded pictures: every web process needs the same folder, and it belongs into the backup.
MEDIA_ROOT = env.path("MEDIA_ROOT", BASE_DIR / ".local" / "media")
# A product's matrix has five fields in each of up to 200 rows.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000

# --- API -------------------------------------------------------------------------------------
# How many proxies of ours stand before the web server: their X-Forwarded-For is believed, a
# client's own is not, so nobody escapes a rate limit by inventing addresses.
NUM_PROXIES = env.int("NUM_PROXIES", 0)
ALLAUTH_TRUSTED_PROXY_COUNT = NUM_PROXIES

REST_FRAMEWORK = {
    "NUM_PROXIES": NUM_PROXIES,
    "DEFAULT_AUTHENTICATION_CLASSES": ["config.kernel.auth.SessionTokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["config.kernel.parsers.PlainJSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.kernel.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["django_filters.rest_framework.DjangoFilterBackend"],
    "DEFAULT_THROTTLE_CLASSES": ["config.kernel.throttles.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "caller": "600/min",
        "anonymous": "300/min",
        "login": "20/min",
        "write": "120/min",
    },
    "DEFAULT_SCHEMA_CLASS": "config.kernel.api.AutoSchema",
    "EXCEPTION_HANDLER": "drf_standardized_errors.handler.exception_handler",
    "DATETIME_FORMAT": "iso-8601",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
DRF_STANDARDIZED_ERRORS = {
    "EXCEPTION_HANDLER_CLASS": "config.kernel.api.ExceptionHandler",
    "EXCEPTION_FORMATTER_CLASS": "config.kernel.api.ExceptionFormatter",
    # What every operation may answer in the same way (405, 406, 415, 500) is said once, in front.
    "ALLOWED_ERROR_STATUS_CODES": ["400", "401", "403", "404", "429"],
    "ERROR_SCHEMAS": dict.fromkeys(
        ("400", "401", "403", "404", "429"), "config.kernel.refusals.Refused"
    ),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Mall API",
    "DESCRIPTION": (
        "Mini-programs, cash desks and partners. Money is an integer of fen, moments are ISO 8601 "
        "with their offset, coordinates are GCJ-02.\n\n"
        "Begin with [your first call](/api/v1/docs/first-call/). Send `X-Session-Token` from the "
        "login, `Idempotency-Key` with every POST that says so, `Accept-Language: zh-hans` or "
        "`en`. A refusal is `{type, errors: [{code, detail, attr}], extra?}`: programs decide by "
        "`code`, people read `detail`. Every operation may also answer 405, 406, 415 or 500, "
        "members' operations 401 (`not_authenticated`, `session_ended`: log in again) and 403 "
        "(`members_only`), tills' operations 401 (`terminal_unknown`) and 403 (`terminal_scope`), and "
        "all of them 429 (`throttled`, with `Retry-After`). Lists carry `next`; its "
        "`cursor` leads to the following page."
    ),
    "TAGS": [
        {"name": name}
        for name in (
            "login",
            "catalogue",
            "stores",
            "cart",
            "coupons",
            "cards",
            "orders",
            "me",
            "pos",
        )
    ],
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "ConsentKindEnum": "members.states.ConsentKind.choices",
        "OrderStateEnum": "mall.states.OrderState.choices",
        "LineKindEnum": "mall.states.LineKind.choices",
        "DiscountKindEnum": "mall.states.DiscountKind.choices",
        "RefundStateEnum": "mall.states.RefundState.choices",
        "AfterSaleKindEnum": "mall.states.AfterSaleKind.choices",
        "AfterSaleStateEnum": "mall.states.AfterSaleState.choices",
        "PosTicketStateEnum": "mall.states.PosTicketState.choices",
        "PickupStateEnum": "stores.states.PickupState.choices",
        "StoreKindEnum": "stores.states.StoreKind.choices",
        "CardStateEnum": "members.states.CardState.choices",
        "GiftStateEnum": "members.states.GiftState.choices",
        "SaleWayEnum": "mall.states.SaleWay.choices",
        "TillWayEnum": "mall.api.pos.sales.TILL_WAYS",
        "CouponKindEnum": "coupons.states.CouponKind.choices",
        "CouponStateEnum": "coupons.states.CouponState.choices",
        "ValidationErrorEnum": "drf_standardized_errors.openapi_serializers.ValidationErrorEnum.choices",
        "ClientErrorEnum": "drf_standardized_errors.openapi_serializers.ClientErrorEnum.choices",
        "ServerErrorEnum": "drf_standardized_errors.openapi_serializers.ServerErrorEnum.choices",
    },
    "POSTPROCESSING_HOOKS": [
        "drf_standardized_errors.openapi_hooks.postprocess_schema_enums",
        "config.apidocs.add_login",
    ],
}

# --- background work -------------------------------------------------------------------------
CELERY_BROKER_URL = broker_url(REDIS_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_DB_REUSE_MAX = 200
CELERY_BEAT_SCHEDULE = {
    # on_commit nudges come sooner; the beat is what guarantees delivery.
    "relay": {"task": "config.kernel.tasks.relay", "schedule": 1.0},
    "messages": {"task": "members.tasks.messages_send", "schedule": 2.0},
    "orders-expire": {"task": "mall.tasks.orders_expire", "schedule": 15.0},
    "payments-query": {"task": "mall.tasks.payments_query", "schedule": 30.0},
    "refunds-send": {"task": "mall.tasks.refunds_send", "schedule": 5.0},
    "orders-close": {"task": "mall.tasks.orders_close", "schedule": 600.0},
    "orders-deliver": {"task": "mall.tasks.orders_deliver", "schedule": 600.0},
    "addresses-erase": {"task": "mall.tasks.addresses_erase", "schedule": 3600.0},
    "points-expire": {"task": "members.tasks.points_expire", "schedule": 3600.0},
    "tiers-review": {"task": "members.tasks.tiers_review", "schedule": 3600.0},
    "birthdays": {"task": "members.tasks.birthdays", "schedule": 3600.0},
    "point-holds-expire": {"task": "members.tasks.point_holds_expire", "schedule": 60.0},
    "card-holds-expire": {"task": "members.tasks.card_holds_expire", "schedule": 60.0},
    "card-gifts-expire": {"task": "members.tasks.card_gifts_expire", "schedule": 300.0},
    "card-alerts": {"task": "members.tasks.card_alerts", "schedule": 3600.0},
    "card-identities-erase": {
        "task": "members.tasks.card_identities_erase",
        "schedule": 86400.0,
    },
    "coupons-expire": {"task": "coupons.tasks.coupons_expire", "schedule": 3600.0},
    "coupon-gifts-expire": {"task": "coupons.tasks.coupon_gifts_expire", "schedule": 300.0},
    "coupon-quota-alerts": {"task": "coupons.tasks.quota_alerts", "schedule": 60.0},
    "coupon-claim-decisions-purge": {
        "task": "coupons.tasks.claim_decisions_purge",
        "schedule": 86400.0,
    },
    "coupon-slots-keep": {"task": "coupons.tasks.coupon_slots_keep", "schedule": 60.0},
    "ledger-seal": {"task": "stores.tasks.ledger_seal", "schedule": 3600.0},
    "approvals-expire": {"task": "config.kernel.tasks.approvals_expire", "schedule": 600.0},
    "batches-run": {"task": "config.kernel.tasks.batches_run", "schedule": 10.0},
    "exports-purge": {"task": "config.kernel.tasks.exports_purge", "schedule": 3600.0},
    "idempotency-purge": {"task": "config.kernel.tasks.idempotency_purge", "schedule": 3600.0},
}

# --- calls to gateways -----------------------------------------------------------------------
# How many threads of a web process may wait on WeChat at once; the others keep serving.
GATEWAY_SLOTS = env.int("GATEWAY_SLOTS", 2)
GATEWAY_TIMEOUT_SECONDS = 4

# --- exports of lists ------------------------------------------------------------------------
# Longer lists become files in the background, which wait there for their maker: a folder that
# web and worker processes share and no web server serves.
EXPORT_STREAM_MOST = {
    "csv": env.int("EXPORT_STREAM_CSV", 200_000),
    "xlsx": env.int("EXPORT_STREAM_XLSX", 20_000),
}
EXPORT_DIR = env.path("EXPORT_DIR", default=BASE_DIR / "build" / "exports")

# --- rules of the house ----------------------------------------------------------------------
ORDER_PAY_MINUTES = 15
PICKUP_DAYS = 7
# Secrets that seal the register of card identities: the first seals, all of them open. Without
# one the register hangs on SECRET_KEY.
CARD_IDENTITY_KEYS = env.list("CARD_IDENTITY_KEYS", [])
AFTER_SALE_DAYS = 7
# How long after an order's end the address it was sent to stays readable: the record of a sale is
# kept for three years (电子商务法 31); of an order that was never paid there is none.
SALE_RECORD_DAYS = 3 * 366
UNSOLD_ADDRESS_DAYS = 30
EVENT_LAG_ALERT_SECONDS = 60

X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"

# One line of JSON per event, through the standard library's levels: what LOG_LEVEL hides costs
# next to nothing.
structlog.configure(
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso"),
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)
# config.kernel.logs binds the address and the caller.
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = ""
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", "WARNING")},
}
