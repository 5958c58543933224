"""Base classes of the API: a view parses, calls one service and renders.

A command is a POST; when it moves value it is idempotent by key. DomainErrors become
standardized error documents with their stable code; whatever an error knows beyond its text
(which SKU, which difference) is under ``extra``.
"""

import inspect
import json
import re
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from drf_spectacular.openapi import OpenApiParameter
from drf_spectacular.utils import Direction, OpenApiExample
from drf_standardized_errors.formatter import ExceptionFormatter as BaseFormatter
from drf_standardized_errors.handler import ExceptionHandler as BaseHandler
from drf_standardized_errors.openapi import AutoSchema as BaseAutoSchema
from rest_framework import exceptions, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kernel import clock, idempotency, refusals
from config.kernel.auth import IsMember, MemberRequest
from config.kernel.errors import DomainError
from config.kernel.etags import EtagMixin
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


@dataclass(frozen=True)
class Example:
    """What the reference shows a client sending and getting; of a paginated list, one row."""

    response: Any = None
    request: Any = None


def rows(kind: type[serializers.Serializer], **said: Any) -> Any:
    """A field that is a list of ``kind``; DRF's stubs do not know its ``max_length``."""
    return kind(many=True, **said)


class AutoSchema(BaseAutoSchema):
    """Reads what the reference says off the views: ``input``, ``output``, ``idempotent``, and by
    method ``operations`` (ids), ``examples`` (Example) and ``refusals`` (codes of DomainErrors).

    The summary is the first sentence of the docstring of the method, or of the view.
    """

    def get_operation_id(self) -> str:
        named = getattr(self.view, "operations", {}).get(self.method)
        return named or super().get_operation_id()

    def get_tags(self) -> list[str]:
        return list(getattr(self.view, "tags", None) or super().get_tags())

    def _docstring(self) -> str:
        # Own words only: those of a base class are for its subclasses' authors.
        method = type(self.view).__dict__.get(self.method.lower())
        return inspect.cleandoc((method and method.__doc__) or type(self.view).__doc__ or "")

    def get_summary(self) -> str | None:
        first = re.split(r"(?<=[.:;])\s", self._docstring().replace("\n", " "), maxsplit=1)[0]
        return first.rstrip(".:;") or None

    def get_description(self) -> str:  # type: ignore[override]  # no None from us
        parts = [self._docstring(), refusals.table(self._refusals())]
        return "\n\n".join(part for part in parts if part)

    def _refusals(self) -> list[str]:
        codes = list(getattr(self.view, "refusals", {}).get(self.method, []))
        if self.method == "POST" and getattr(self.view, "idempotent", False):
            codes += [
                "idempotency_key_missing",
                "idempotency_in_flight",
                "idempotency_key_reused",
            ]
        return codes

    def get_examples(self) -> list[OpenApiExample]:
        shown: Example | None = getattr(self.view, "examples", {}).get(self.method)
        found = []
        if shown is not None and shown.request is not None:
            found.append(OpenApiExample("Request", value=shown.request, request_only=True))
        if shown is not None and shown.response is not None:
            found.append(OpenApiExample("Answer", value=shown.response, response_only=True))
        return found

    def get_request_serializer(self) -> Any:
        if self.method == "GET":
            return None
        return getattr(self.view, "input", None)

    def get_response_serializers(self) -> Any:
        output = getattr(self.view, "output", None)
        if output is None or (self.method == "GET" and hasattr(self.view, "get_queryset")):
            return super().get_response_serializers()
        success = getattr(self.view, "success_status", 200) if self.method == "POST" else 200
        return {str(success): output}

    def _get_response_bodies(self, direction: Direction = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        if direction != "response":
            return bodies
        for status, errors in refusals.by_status(self._refusals()).items():
            body = bodies.get(str(status))
            if body is None:
                body = self._get_response_for_code(refusals.Refused, str(status))
                bodies[str(status)] = body
            body["description"] = ", ".join(error.code for error in errors)
            examples = body["content"]["application/json"].setdefault("examples", {})
            examples |= {error.code: {"value": refusals.document(error)} for error in errors}
        if isinstance(self.view, EtagMixin) and self.method == "GET":
            bodies["304"] = {"description": "What the client has under this ETag still holds."}
        return dict(sorted(bodies.items()))

    def get_override_parameters(self) -> list[Any]:
        if isinstance(self.view, EtagMixin) and self.method == "GET":
            return [
                OpenApiParameter(
                    "If-None-Match",
                    str,
                    OpenApiParameter.HEADER,
                    description="ETag of the answer that the client has: 304 if it still holds.",
                )
            ]
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


@cache
def made_once(serializer: type[serializers.Serializer]) -> serializers.Serializer:
    """The one instance of a serializer that keeps nothing of what it is given: for
    ``run_validation`` and ``to_representation``. Threads share it."""
    return serializer()


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
    # Whether ``input`` checks fields and nothing else, above all not the request: then it is made
    # once and not for each request, which takes ten times as long as checking a field.
    plain_input: ClassVar[bool] = False
    output: ClassVar[Any] = None

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        """Call the service; return what is JSON. Runs inside the request's transaction."""
        raise NotImplementedError

    def settle(self, answer: Any) -> None:
        """Store ``answer`` with its effect now and not after ``run``: for services whose last
        statement takes a row that everybody waits for. What ``run`` returns is then ignored."""

    def after(self, body: Any, *, now, **kwargs: Any) -> Any:
        """What needs the network, after commit; also on a replay, so it must be repeatable."""
        return body

    def post(self, request: Request, **kwargs: Any) -> Response:
        now = clock.now()
        data: dict[str, Any] = {}
        if self.input is not None and self.plain_input:
            data = made_once(self.input).run_validation(request.data)
        elif self.input is not None:
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
        settled: list[str] = []

        def settle(answer: Any) -> None:
            settled.append(JSONRenderer().render(answer).decode())
            idempotency.finish(**slot, status=self.success_status, body=settled[0], now=now)

        self.settle = settle  # type: ignore[method-assign]  # of this request alone
        with transaction.atomic():
            stored = idempotency.begin(**slot)
            if stored is not None:
                return stored.status, stored.body, True
            answer = self.run(data=data, now=now, **kwargs)
            if not settled:
                settle(answer)
        return self.success_status, settled[0], False
