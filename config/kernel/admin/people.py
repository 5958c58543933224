"""Who works in the admin site."""

from typing import cast

from django.http import HttpRequest

from config.kernel.models import User


def staff_of(request: HttpRequest) -> User:
    """The person who asks: the site's views let nobody in who is not signed in."""
    return cast(User, request.user)
