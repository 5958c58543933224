"""The shop front at ``/``, with doors to every face. The switch of language serves every page."""

import json
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.templatetags.static import static
from django.urls import URLPattern, URLResolver, include, path
from django.utils.safestring import mark_safe
from django.views.defaults import page_not_found
from django.views.generic import TemplateView
from django.views.i18n import set_language

from config.kernel.errors import NotFound

# The modules of the shop front: those of the first page, and those that come when asked for.
SHOP_FIRST = ("words", "api", "wechat", "place", "ui", "home", "app")
SHOP_LATER = (
    *("product", "cart", "basket", "delivery", "qr", "orders"),
    *("member", "wallet", "coupons", "benefits"),
)


class ShopView(TemplateView):
    """The shop front: a page without data, whose modules call the public API like any client."""

    template_name = "shop/index.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # Modules import each other by plain relative names; the map leads those to the files'
        # served names, which carry a hash of their content where static files are collected.
        files = [f"shop/{name}.js" for name in (*SHOP_FIRST, *SHOP_LATER)]
        modules = {f"{settings.STATIC_URL}{file}": static(file) for file in files}
        return super().get_context_data(
            # Addresses of our own files: nothing in it could close the script element.
            imports=mark_safe(json.dumps({"imports": modules})),
            modules=list(modules.values())[: len(SHOP_FIRST)],
            sandbox=bool(settings.SANDBOX_WECHAT_URL),
            **kwargs,
        )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponseBase:
    """A page for people, and for clients of the API a document as of every other refusal."""
    if not request.path.startswith("/api/"):
        return page_not_found(request, exception)
    error = {"code": NotFound.code, "detail": str(NotFound.message), "attr": None}
    return JsonResponse({"type": "client_error", "errors": [error]}, status=404)


def sandbox_routes(wechat_url: str) -> list[URLPattern | URLResolver]:
    """What plays the shopper's WeChat, where there is a fake one; nothing elsewhere."""
    return [path("sandbox/", include("config.sandbox.web"))] if wechat_url else []


urlpatterns: list[URLPattern | URLResolver] = [
    path("", ShopView.as_view(), name="home"),
    path("language/", set_language, name="set_language"),
    path("api/v1/docs/", include("config.apidocs")),
    *sandbox_routes(settings.SANDBOX_WECHAT_URL),
]
