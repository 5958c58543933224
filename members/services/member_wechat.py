"""What WeChat says about a person: the network half of a login and of binding a phone."""

from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.wechat import api


class MiniprogramUnknown(DomainError):
    code = "miniprogram_unknown"
    message = _("This mini-program is not ours.")


@dataclass(frozen=True, slots=True)
class WechatIdentity:
    """One person at one mini-program; the unionid is the same at all of the group's."""

    app_id: str
    openid: str
    unionid: str = ""


def wechat_identity(*, app_id: str, code: str) -> WechatIdentity:
    """Spend a login code. Never inside a transaction.

    Raises MiniprogramUnknown, and the WechatErrors of ``code_to_session``.
    """
    _check(app_id)
    session = api.code_to_session(appid=app_id, code=code)
    return WechatIdentity(app_id, session.openid, session.unionid or "")


def wechat_phone(*, app_id: str, code: str) -> str:
    """Spend a phone code (not a login code) for a number in E.164. Never inside a transaction."""
    _check(app_id)
    return api.phone_number(appid=app_id, code=code)


def _check(app_id: str) -> None:
    if app_id not in settings.WECHAT["miniprograms"]:
        raise MiniprogramUnknown()
