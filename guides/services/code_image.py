"""The picture of a guide's code: a 小程序码 whose scene is the token."""

from django.conf import settings
from django.core.cache import cache

from config.kernel.models import Code
from config.kernel.wechat import api, errors
from guides.services.code_create import BASKET, PRODUCT

# WeChat draws the same picture every time; it may be asked 5,000 times a minute, a shop's wall
# of codes reloads more often than that.
CACHE_SECONDS = 7 * 24 * 3600
_PAGES = {PRODUCT: "pages/product", BASKET: "pages/basket"}


def code_image(*, code: Code, mchid: str) -> bytes:
    """Image bytes (PNG or JPEG) for ``code``, in the mini-program that pays to ``mchid``.

    Calls WeChat on a miss, so never inside a transaction. Raises WechatError, GatewayBusy.
    """
    appid = _appid(mchid)
    key = f"guides:code-image:{appid}:{code.token}"
    image = cache.get(key)
    if image is None:
        page = _PAGES.get(code.purpose, "pages/index")
        image = api.miniprogram_code(appid=appid, scene=code.token, page=page)
        cache.set(key, image, timeout=CACHE_SECONDS)
    return bytes(image)


def _appid(mchid: str) -> str:
    """The first mini-program of the merchant, else the group's first."""
    merchant = settings.WECHAT["merchants"].get(mchid) or {}
    for appid in [*merchant.get("appids", []), *settings.WECHAT["miniprograms"]]:
        return str(appid)
    raise errors.WechatMisconfigured
