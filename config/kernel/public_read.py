"""Reads that are the same for everybody, at the price of a ping.

A :class:`PublicRead` is an APIView for the schema, for refusals and for whatever is unusual about
a request. A plain GET never gets that far: one command counts it and fetches the answer from
``read_cache``; when there is none, ``read`` works it out and its bytes are sent as they are
kept. Whoever sends a session's token is looked up first, so an ended session is still refused and
a member is counted as such; the answer is everybody's, so it must not depend on the caller.
"""

import json
import logging
import re
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from redis.exceptions import RedisError
from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock, read_cache
from config.kernel.auth import principal
from config.kernel.errors import DomainError
from config.kernel.etags import EtagMixin
from config.kernel.read_cache import Answer, Found
from config.kernel.throttles import CallerThrottle, count

logger = logging.getLogger(__name__)
_throttle = CallerThrottle()
_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
# Names and codes; a question in any other characters is rare and not kept.
_PLAIN = re.compile(r"[\w.&=-]{0,200}", re.ASCII)


class Question:
    """The valid parameters of a request by ``form``; an empty one counts as not given.

    The fields are made once and not for each request. Whatever they do not take goes through the
    form as usual, which words the refusal.
    """

    def __init__(self, form: type[serializers.Serializer]) -> None:
        self._form = form
        self._made: tuple[dict[str, Any], dict[str, Any], bool] | None = None

    def __call__(self, request: HttpRequest | Request) -> dict[str, Any]:
        """Raises ValidationError."""
        given = {name: value for name, value in request.GET.items() if value != ""}
        fields, defaults, simple = self._made or self._make()
        if simple:
            try:
                return defaults | {
                    name: fields[name].run_validation(value)
                    for name, value in given.items()
                    if name in fields
                }
            except serializers.ValidationError:
                pass
        form = self._form(data=given)
        form.is_valid(raise_exception=True)
        return form.validated_data

    def _make(self) -> tuple[dict[str, Any], dict[str, Any], bool]:
        fields = self._form().fields
        defaults = {
            name: field.default
            for name, field in fields.items()
            if field.default is not serializers.empty
        }
        # A form with a rule over several fields, or one that must be given, is asked as a whole.
        simple = self._form.validate is serializers.Serializer.validate and not any(
            field.required for field in fields.values()
        )
        self._made = (dict(fields), defaults, simple)
        return self._made


class PublicRead(EtagMixin):
    """Subclasses write ``read`` and a ``get`` that says how the schema describes them."""

    permission_classes = [AllowAny]
    # Whose version the kept answers carry; empty: nothing is kept.
    shelf: ClassVar[str] = ""
    # Parameters with few values. A question with any other is read each time: nobody shall be
    # able to fill the cache with answers that are never asked for again.
    kept: ClassVar[frozenset[str]] = frozenset()
    allow = ""

    def read(self, *args: Any, **kwargs: Any) -> Any:
        """``read(request, *, now, **parts of the address)``: the answer, as plain values of JSON.

        Raises DomainError, ValidationError.
        """
        raise NotImplementedError

    def life(self, request: HttpRequest, body: Any, *, now: datetime) -> timedelta:
        """How long ``body``, as read at ``now``, holds at most; nothing: it is not kept."""
        raise NotImplementedError

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        slow = super().as_view(**initkwargs)
        view = cls(**initkwargs)
        view.head = view.get  # type: ignore[attr-defined]  # as Django does
        view.allow = ", ".join(view.allowed_methods)

        @wraps(slow)
        def fast(request: HttpRequest, **kwargs: Any) -> Any:
            return view._fast(request, kwargs) or slow(request, **kwargs)

        return fast

    def _answer(self, request: Request, **kwargs: Any) -> Response:
        """What ``get`` returns when a request came the long way."""
        return Response(self.read(request, now=clock.now(), **kwargs))

    def _fast(self, request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponse | None:
        """None: the request needs the whole of the APIView."""
        meta = request.META
        accept = meta.get("HTTP_ACCEPT", "*/*")
        query = meta.get("QUERY_STRING", "")
        if request.method != "GET" or "format=" in query or "*/*" not in accept:
            return None
        now, caller = clock.now(), None
        if meta.get("HTTP_X_SESSION_TOKEN"):
            caller = principal(meta["HTTP_X_SESSION_TOKEN"], now)
            if caller is None:
                return None
        window = _throttle.window(request, caller, None)
        found: Found | None = None
        try:
            if self._is_kept(query):
                question = f"{get_language()} {request.build_absolute_uri()}"
                found = read_cache.fetch(
                    shelf=self.shelf, question=question, window=window, now=now
                )
                counted = found.counted
            else:
                counted = count(window) if window else 0
        except RedisError:
            logger.warning("answers are neither kept nor counted: the cache is away")
            counted = 0
        if window and counted > window.limit:
            return None
        request.rate_counted = True  # type: ignore[attr-defined]  # read by its throttle
        if found and found.answer and (found.holds or not self._fills(found)):
            return self._response(request, found.answer)
        return self._work_out(request, kwargs, found, now)

    def _is_kept(self, query: str) -> bool:
        if not self.shelf or not _PLAIN.fullmatch(query):
            return False
        names = [part.partition("=")[0] for part in query.split("&")] if query else []
        return self.kept.issuperset(names) and len(set(names)) == len(names)

    def _work_out(
        self, request: HttpRequest, kwargs: dict[str, Any], found: Found | None, now: datetime
    ) -> HttpResponse | None:
        life = timedelta(0)
        try:
            body = self.read(request, now=now, **kwargs)
            if found is not None:
                life = self.life(request, body, now=now)
        except (DomainError, APIException):
            self._keep(found, None, life, now)
            return None
        # Escaped as DRF does it: these two end a line in JavaScript.
        text = _json.encode(body).replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
        answer = Answer.of(text.encode())
        self._keep(found, answer, life, now)
        return self._response(request, answer)

    @staticmethod
    def _fills(found: Found) -> bool:
        try:
            return read_cache.fill_begin(found)
        except RedisError:
            return True

    @staticmethod
    def _keep(found: Found | None, answer: Answer | None, life: timedelta, now: datetime) -> None:
        if found is None:
            return
        try:
            if answer is not None and life > timedelta(0):
                read_cache.keep(found, answer, life=life, now=now)
            elif found.answer is not None:
                read_cache.drop(found)
        except RedisError:
            logger.warning("an answer is not kept: the cache is away")

    def _response(self, request: HttpRequest, answer: Answer) -> HttpResponse:
        response = HttpResponse(answer.body, content_type="application/json")
        response.headers["Allow"] = self.allow
        response.headers["ETag"] = answer.etag
        response.headers["Cache-Control"] = "no-cache"
        if "HTTP_IF_NONE_MATCH" in request.META or "HTTP_IF_MATCH" in request.META:
            found = get_conditional_response(request, etag=answer.etag, response=response)
            return found  # type: ignore[return-value]  # given one, it answers
        return response
