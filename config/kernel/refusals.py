"""What the API reference says of refusals: a view names the codes it may answer, this module
knows their status and words.

Codes and not classes, because the code is the contract with clients, and because a face may not
import the guards beside which some of the classes live.
"""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from rest_framework import serializers

from config.kernel.errors import DomainError


class RefusedDetail(serializers.Serializer):
    code = serializers.CharField(help_text="stable, meant for programs")
    detail = serializers.CharField(help_text="in the language of the request, meant for people")
    attr = serializers.CharField(allow_null=True, help_text="the field, if one is to blame")


class Refused(serializers.Serializer):
    """A refusal; ``extra`` is what it knows beyond its text, such as which SKU is out of stock."""

    type = serializers.ChoiceField(["client_error", "server_error", "validation_error"])
    errors = RefusedDetail(many=True)  # type: ignore[assignment]  # a field that is called errors
    extra = serializers.DictField(required=False)


def refusals() -> dict[str, type[DomainError]]:
    """Every DomainError that is loaded, by its code. Of several under one code the most general
    counts: the others differ in their words only."""
    found: dict[str, type[DomainError]] = {}
    waiting: list[type[DomainError]] = [DomainError]
    while waiting:
        error = waiting.pop(0)
        found.setdefault(error.code, error)
        waiting.extend(error.__subclasses__())
    return found


def by_status(codes: Iterable[str]) -> dict[int, list[type[DomainError]]]:
    """The refusals named ``codes`` by HTTP status, in order. Raises KeyError for an unknown one."""
    known = refusals()
    groups: dict[int, list[type[DomainError]]] = defaultdict(list)
    for code in codes:
        groups[known[code].status].append(known[code])
    return dict(sorted(groups.items()))


def document(error: type[DomainError]) -> dict[str, Any]:
    """The body that a client gets, with the message's fields left open."""
    return {
        "type": "server_error" if error.status >= 500 else "client_error",
        "errors": [{"code": error.code, "detail": str(error.message), "attr": None}],
    }


def table(codes: Iterable[str]) -> str:
    """Markdown for an operation's description."""
    rows = [
        f"| {status} | `{error.code}` | {error.message} |"
        for status, errors in by_status(codes).items()
        for error in errors
    ]
    return "\n".join(["| | code | |", "|---|---|---|", *rows]) if rows else ""
