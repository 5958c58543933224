"""URL root: who serves which face."""

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from config.apidocs import SchemaView
from config.health import healthz, readyz
from config.kernel.admin.search import search_view
from mall.web.pictures import product_picture, uploaded_picture

api: list[URLPattern | URLResolver] = [
    # In the order in which they are asked for.
    path("", include("mall.api.urls")),
    path("", include("coupons.api.urls")),
    path("", include("members.api.urls")),
    path("", include("guides.api.urls")),
    path("schema/", SchemaView.as_view(), name="schema"),
]

handler404 = "config.web.not_found"

urlpatterns = [
    path("api/v1/", include(api)),
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}img/icon.svg")),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("_allauth/", include("allauth.headless.urls")),
    # Staff accounts have no mail address: a password is reset by who manages them.
    path("accounts/password/reset/", RedirectView.as_view(pattern_name="account_login")),
    path("accounts/", include("allauth.urls")),
    path("admin/search/", admin.site.admin_view(search_view)),
    path("admin/", admin.site.urls),
    path("guide/", include("guides.web.urls")),
    path("desk/", include("mall.web.urls")),
    path("media/products/<path:code>.svg", product_picture, name="product-picture"),
    path("media/images/<str:name>", uploaded_picture, name="uploaded-picture"),
    path("", include("config.web")),
]
