"""How allauth meets the mall: who may sign up, and which member an identity belongs to."""

import logging
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.headless.adapter import DefaultHeadlessAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.providers.base import AuthProcess
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from members.provider import refusal
from members.services.member_identify import member_identify, unionid_known
from members.services.phone_bind import PhoneInvalid, PhoneTaken, phone_bind

logger = logging.getLogger(__name__)


class ConnectClosed(DomainError):
    code = "connect_closed"
    message = _("A WeChat identity is joined to its member by logging in with it.")


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request) -> bool:
        """Staff accounts are made by staff; shoppers come in through WeChat."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Nobody is written to: whoever forgets a password gets a new one from a colleague.

        Without this the form for forgotten passwords would mail any address anybody types.
        """
        logger.warning("no mail is sent: %s", template_prefix)


class HeadlessAdapter(DefaultHeadlessAdapter):
    def serialize_user(self, user) -> dict[str, Any]:
        """What an answer to a login says of its user: no primary key, and nothing to look up."""
        return {"username": user.username, "has_usable_password": user.has_usable_password()}


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    def is_open_for_signup(self, request, sociallogin) -> bool:
        """A member is made before allauth would sign somebody up, so it never has to."""
        return False

    def pre_social_login(self, request, sociallogin) -> None:
        """Lead the login to its member: the one of the openid, else the one of the unionid."""
        if sociallogin.state.get("process") != AuthProcess.LOGIN:
            raise refusal(ConnectClosed())
        now = clock.now()
        identity = sociallogin.identity
        known = sociallogin.account.pk is not None
        if not known or (identity.unionid and not unionid_known(identity.unionid)):
            sociallogin.user = member_identify(identity=identity, now=now).user
        if sociallogin.phone and sociallogin.user.is_active:
            self._bind_phone(sociallogin, now)

    @staticmethod
    def _bind_phone(sociallogin, now) -> None:
        """A phone that cannot be bound must not keep its owner out; ``/me`` shows it missing."""
        member = sociallogin.user.member
        try:
            phone_bind(
                member_id=member.pk,
                phone=sociallogin.phone,
                actor=Actor.member(member.pk),
                now=now,
            )
        except (PhoneTaken, PhoneInvalid) as error:
            logger.info("phone of member %s not bound: %s", member.no, error.code)
