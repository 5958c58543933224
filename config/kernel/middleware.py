"""Middleware of the house."""

import json

from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, JsonResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from rest_framework.exceptions import ParseError

from config.kernel.parsers import refuse_unspeakable


class StaffMfaMiddleware:
    """Where STAFF_MFA_REQUIRED is set, staff without a second factor are led to set one up
    before any page of theirs opens."""

    guarded = ("/admin/", "/desk/", "/guide/")

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        if settings.STAFF_MFA_REQUIRED and request.path.startswith(self.guarded):
            user = request.user
            if user.is_authenticated and not self._has_second_factor(request):
                return redirect("mfa_activate_totp")
        return self.get_response(request)

    @staticmethod
    def _has_second_factor(request) -> bool:
        from allauth.mfa.utils import is_mfa_enabled

        if request.session.get("kernel_mfa"):
            return True
        enabled = is_mfa_enabled(request.user)
        if enabled:
            # Asked once per session: allauth demands the factor itself at login.
            request.session["kernel_mfa"] = True
        return enabled


class NulMiddleware:
    """PostgreSQL's texts cannot hold NUL, so nothing of ours is called or contains that.

    An address with it is not found; a query or a form with it is a bad request. JSON is checked
    field by field, by the serializers of the API; that of allauth, which reads its own, for what
    it could not handle.
    """

    forms = ("application/x-www-form-urlencoded", "multipart/form-data")

    def __init__(self, get_response) -> None:
        self.get_response = get_response

    def __call__(self, request):
        api = request.path_info.startswith("/api/")
        if "\0" in request.path_info:
            if not api:
                raise Http404
            error = {"code": "not_found", "detail": _("Not found."), "attr": None}
            return JsonResponse({"type": "client_error", "errors": [error]}, status=404)
        if request.path_info.startswith("/_allauth/"):
            if self._unspeakable(request):
                error = {"code": "parse_error", "message": _("The body cannot be read.")}
                return JsonResponse({"status": 400, "errors": [error]}, status=400)
        elif not api and ("%00" in request.META.get("QUERY_STRING", "") or self._in_form(request)):
            raise BadRequest("NUL")
        return self.get_response(request)

    @staticmethod
    def _unspeakable(request) -> bool:
        try:
            refuse_unspeakable(json.loads(request.body or b"null"))
        except (json.JSONDecodeError, UnicodeDecodeError):
            # No JSON at all: allauth says so itself.
            return False
        except (RecursionError, ParseError, ValueError):
            # The last is a number of thousands of digits.
            return True
        return False

    def _in_form(self, request) -> bool:
        return request.content_type in self.forms and any(
            "\0" in value for _name, values in request.POST.lists() for value in values
        )
