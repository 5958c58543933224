"""The picture of a code comes from WeChat once and from the cache after that."""

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.wechat import api
from config.kernel.wechat.errors import WechatMisconfigured, WechatUnavailable
from guides.services.code_create import code_create
from guides.services.code_image import code_image
from tests.factories import make_product

pytestmark = pytest.mark.django_db

PNG = b"\x89PNG rest"


@pytest.fixture
def asked(monkeypatch, settings):
    """What WeChat was asked for, in order."""
    settings.WECHAT = {
        **settings.WECHAT,
        "miniprograms": {"wx1": {"secret": "s"}, "wx2": {"secret": "s"}},
        "merchants": {"1900": {"appids": ["wx2"]}},
    }
    calls = []

    def answer(**asked):
        calls.append(asked)
        return PNG

    monkeypatch.setattr(api, "miniprogram_code", answer)
    return calls


def test_a_product_code_opens_the_products_page_in_the_merchants_program(asked, guide, now):
    make_product(code="coat")
    code = code_create(guide_id=guide.pk, product_code="coat", actor=SYSTEM, now=now)

    assert code_image(code=code, mchid="1900") == PNG
    assert code_image(code=code, mchid="1900") == PNG

    assert asked == [{"appid": "wx2", "scene": code.token, "page": "pages/product"}]


def test_an_operator_without_a_merchant_uses_the_groups_program(asked, guide, now):
    code = code_create(guide_id=guide.pk, actor=SYSTEM, now=now)

    code_image(code=code, mchid="")

    assert asked == [{"appid": "wx1", "scene": code.token, "page": "pages/index"}]


def test_a_failure_is_not_remembered(asked, guide, now, monkeypatch):
    code = code_create(guide_id=guide.pk, actor=SYSTEM, now=now)
    working = api.miniprogram_code

    def broken(**asked):
        raise WechatUnavailable

    monkeypatch.setattr(api, "miniprogram_code", broken)
    with pytest.raises(WechatUnavailable):
        code_image(code=code, mchid="1900")
    monkeypatch.setattr(api, "miniprogram_code", working)

    assert code_image(code=code, mchid="1900") == PNG


def test_without_a_mini_program_there_is_no_picture(guide, now, settings):
    settings.WECHAT = {**settings.WECHAT, "miniprograms": {}, "merchants": {}}
    code = code_create(guide_id=guide.pk, actor=SYSTEM, now=now)

    with pytest.raises(WechatMisconfigured):
        code_image(code=code, mchid="1900")
