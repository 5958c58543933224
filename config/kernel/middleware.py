"""Middleware of the house."""

from django.conf import settings
from django.shortcuts import redirect


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
