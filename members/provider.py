"""allauth provider of mini-program logins.

The client posts its login code to ``/_allauth/app/v1/auth/provider/token``::

    {"provider": "weixin_miniprogram", "process": "login",
     "token": {"client_id": APPID, "access_token": CODE, "phone_code": optional}}

and keeps ``meta.session_token`` of the answer for ``X-Session-Token``. A client-sent openid is
never looked at; WeChat's session_key never leaves the gateway.
"""

from types import SimpleNamespace
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.base import Provider, ProviderAccount
from django.http import HttpRequest, JsonResponse
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.throttles import CallerThrottle
from members.services.member_identify import PROVIDER, account_uid
from members.services.member_wechat import WechatIdentity, wechat_identity, wechat_phone


class LoginThrottled(DomainError):
    code = "throttled"
    status = 429
    message = _("Too many logins from this address. Try again in {seconds} seconds.")


class MiniprogramAccount(ProviderAccount):
    def to_str(self) -> str:
        return str(self.account.extra_data.get("app_id", self.account.uid))


class MiniprogramProvider(Provider):
    """One provider for all mini-programs of the group; which of them is in the token."""

    id = PROVIDER
    name = "WeChat mini-program"
    package = "members"
    account_class = MiniprogramAccount
    uses_apps = False
    supports_token_authentication = True

    def verify_token(self, request: HttpRequest, token: dict[str, Any]) -> SocialLogin:
        """Ask WeChat who this is. Refusals are answered here, in allauth's shape of errors."""
        try:
            self._throttle(request)
            app_id, code = str(token.get("client_id") or ""), str(token["access_token"])
            identity = wechat_identity(app_id=app_id, code=code)
            phone_code = token.get("phone_code")
            phone = wechat_phone(app_id=app_id, code=str(phone_code)) if phone_code else None
        except DomainError as error:
            raise refusal(error) from None
        login = self.sociallogin_from_response(request, identity)
        login.identity = identity
        login.phone = phone
        return login

    def extract_uid(self, data: WechatIdentity) -> str:
        return account_uid(data)

    def extract_extra_data(self, data: WechatIdentity) -> dict[str, str]:
        return {"app_id": data.app_id}

    @staticmethod
    def _throttle(request: HttpRequest) -> None:
        """allauth limits passwords, not tokens; each of these costs a call to WeChat."""
        throttle = CallerThrottle()
        if not throttle.allow_request(request, SimpleNamespace(throttle_scope="login")):
            raise LoginThrottled(seconds=throttle.wait())


def refusal(error: DomainError) -> ImmediateHttpResponse:
    """``error`` as allauth's headless clients expect errors."""
    body = {
        "status": error.status,
        "errors": [{"code": error.code, "message": str(error), "param": "token"}],
    }
    response = JsonResponse(body, status=error.status)
    if isinstance(error, LoginThrottled):
        response["Retry-After"] = str(error.params["seconds"])
    response["Cache-Control"] = "no-store"
    return ImmediateHttpResponse(response)


provider_classes = [MiniprogramProvider]
