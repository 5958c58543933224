from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _


class Session(AbstractBaseSession):
    """A database session that knows its user, so that one joined query authenticates a call."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="sessions"
    )

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")

    def __str__(self) -> str:
        # Not the key, which is a secret.
        return str(self.user) if self.user else ""

    @classmethod
    def get_session_store_class(cls):
        from config.kernel.sessions import SessionStore

        return SessionStore
