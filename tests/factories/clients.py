import time

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.test import Client
from rest_framework.test import APIClient

from config.kernel.models import User
from config.kernel.sessions import SessionStore
from members.models import Member
from tests.factories.fresh import sequence

BACKEND = "django.contrib.auth.backends.ModelBackend"


def session_token(user: User) -> str:
    """A live session of ``user``, as a login through the headless client would leave behind."""
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = BACKEND
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.save()
    return str(session.session_key)


class MallClient(APIClient):
    """The mini-program's side of the API: JSON, the session token, idempotency keys."""

    def command(self, path: str, data: dict | None = None, *, key: str = "", **extra):
        """POST with an Idempotency-Key: a fresh one unless ``key`` repeats an earlier request."""
        headers = {"Idempotency-Key": key or f"test-key-{sequence():06d}"}
        return self.post(path, data or {}, format="json", headers=headers, **extra)


def api_client(member: Member | None = None, *, user: User | None = None) -> MallClient:
    """A client logged in as ``member`` (or ``user``); anonymous without either."""
    client = MallClient()
    user = member.user if member is not None else user
    if user is not None:
        client.credentials(HTTP_X_SESSION_TOKEN=session_token(user))
    return client


def till_client(key: str, *, cashier: str = "0007") -> MallClient:
    """A till that sends ``key``, with a cashier."""
    client = MallClient()
    client.credentials(HTTP_AUTHORIZATION=f"Terminal {key}", HTTP_X_CASHIER=cashier)
    return client


def staff_client(user: User, *, signed_in: float | None = None) -> Client:
    """A browser signed in as ``user``, for the admin, the desk and the workbench.

    ``signed_in``: when the password was given, in seconds since the epoch (default: just now).
    """
    client = Client()
    client.force_login(user, backend=BACKEND)
    session = client.session
    session["account_authentication_methods"] = [
        {"method": "password", "at": time.time() if signed_in is None else signed_in}
    ]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()
    return client
