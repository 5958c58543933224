"""Base classes of the API: a view parses, calls one service and renders.

A command is a POST; when it moves value it is idempotent by key. DomainErrors become
standardized error documents with their stable code; whatever an error knows beyond its text
(which SKU, which difference) is under ``extra``.
"""

import json
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from drf_spectacular.openapi import OpenApiParameter
from drf_standardized_errors.formatter import ExceptionFormatter as BaseFormatter
from drf_standardized_errors.handler import ExceptionHandler as BaseHandler
from drf_standardized_errors.openapi import AutoSchema as BaseAutoSchema
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kernel import clock, idempotency
from config.kernel.auth import IsMember, MemberRequest
from config.kernel.errors import DomainError
from config.kernel.parsers import BodyTooLarge


class Failure(exceptions.APIException):
    """A DomainError on its way through DRF."""

    def __init__(self, error: DomainError) -> None:
        self.status_code = error.status
        self.extra = error.params
        super().__init__(str(error), error.code)


class ExceptionHandler(BaseHandler):
    def convert_known_exceptions(self, exc: Exception) -> Exception:
        if isinstance(exc, DomainError):
            return Failure(exc)
        if isinstance(exc, RequestDataTooBig):
            return BodyTooLarge()
        return super().convert_known_exceptions(exc)


class ExceptionFormatter(BaseFormatter):
    def format_error_response(self, error_response) -> Any:
        document = super().format_error_response(error_response)
        extra = getattr(self.exc, "extra", None)
        if extra:
            document["extra"] = extra
        return document


class AutoSchema(BaseAutoSchema):
    """Reads ``input``, ``output``, ``idempotent`` and ``operations`` (method → operation id) off
    the views of this module."""

    def get_operation_id(self) -> str:
        named = getattr(self.view, "operations", {}).get(self.method)
        return named or super().get_operation_id()

    def get_request_serializer(self) -> Any:
        if self.method == "GET":
            return None
        return getattr(self.view, "input", None)

    def get_response_serializers(self) -> Any:
        output = getattr(self.view, "output", None)
        if output is None or (self.method == "GET" and hasattr(self.view, "get_queryset")):
            return super().get_response_serializers()
        return {str(getattr(self.view, "success_status", 200)): output}

    def get_override_parameters(self) -> list[Any]:
        if self.method == "POST" and getattr(self.view, "idempotent", False):
            return [
                OpenApiParameter(
                    "Idempotency-Key",
                    str,
                    OpenApiParameter.HEADER,
                    required=True,
                    description="8–64 characters chosen by the client; the same key and body "
                    "get the same answer for 72 hours.",
                )
            ]
        return []


class MemberView(APIView):
    """A read for the calling member. Anonymous callers get 401."""

    request: MemberRequest
    permission_classes = [IsMember]
    output: ClassVar[type[serializers.BaseSerializer] | serializers.BaseSerializer | None] = None


class CommandView(APIView):
    """A POST that calls one service: subclasses set ``input``, ``output`` and ``run``."""

    request: MemberRequest
    permission_classes = [IsMember]
    throttle_scope = "write"
    idempotent: ClassVar[bool] = True
    success_status: ClassVar[int] = 201
    input: ClassVar[type[serializers.Serializer] | None] = None
    output: ClassVar[Any] = None

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        """Call the service; return what is JSON. Runs inside the request's transaction."""
        raise NotImplementedError

    def after(self, body: Any, *, now, **kwargs: Any) -> Any:
        """What needs the network, after commit; also on a replay, so it must be repeatable."""
        return body

    def post(self, request: Request, **kwargs: Any) -> Response:
        now = clock.now()
        data: dict[str, Any] = {}
        if self.input is not None:
            form = self.input(data=request.data, context={"request": request})
            form.is_valid(raise_exception=True)
            data = form.validated_data
        headers = {}
        if self.idempotent:
            status, text, replayed = self._run_once(request, data, now, kwargs)
            body = json.loads(text)
            if replayed:
                headers["Idempotency-Replayed"] = "true"
        else:
            status, body = self.success_status, self.run(data=data, now=now, **kwargs)
        body = self.after(body, now=now, **kwargs)
        return Response(body, status=status, headers=headers)

    def _run_once(self, request, data, now, kwargs) -> tuple[int, str, bool]:
        slot = {
            "caller": request.user.caller,
            "endpoint": request.path[:80],
            "key": idempotency.check_key(request.headers.get("Idempotency-Key")),
            "request_hash": idempotency.fingerprint(
                JSONRenderer().render(request.data) + request.method.encode()
            ),
        }
        with transaction.atomic():
            stored = idempotency.begin(**slot)
            if stored is not None:
                return stored.status, stored.body, True
            body = JSONRenderer().render(self.run(data=data, now=now, **kwargs)).decode()
            idempotency.finish(**slot, status=self.success_status, body=body, now=now)
        return self.success_status, body, False
