"""What drf-spectacular is told about the authenticator."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class SessionTokenScheme(OpenApiAuthenticationExtension):
    target_class = "config.kernel.auth.SessionTokenAuthentication"
    name = "SessionToken"

    def get_security_definition(self, auto_schema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Session-Token",
            "description": "meta.session_token of a login at /_allauth/app/v1/",
        }
