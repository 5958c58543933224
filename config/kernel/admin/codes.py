"""Words for codes: a column that is open to new values has no choices of its own, but people
read it all the same. Files that are exported keep the code."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import admin
from django.db import models

Say = Callable[[str], Any]

_words: dict[tuple[str, str], dict[str, Any]] = {}


def code_words(model: type[models.Model], name: str, words: Mapping[str, Any]) -> None:
    """What people call the values of ``model.name``; every app may add its own. The first call
    comes before the model's page is registered."""
    _words.setdefault((model._meta.label_lower, name), {}).update(words)


def sayer(field: models.Field) -> Say | None:
    """How the values of ``field`` are said; None where it says what it means itself. A value
    that nobody named is shown as it is."""
    words = _words.get((field.model._meta.label_lower, field.name))
    return None if words is None else lambda value: words.get(value, value)


class CodeFilter(admin.AllValuesFieldListFilter):
    """A filter by such a column, in words."""

    def choices(self, changelist):
        say = sayer(self.field) or str
        for choice in super().choices(changelist):
            yield {**choice, "display": say(str(choice["display"]))}
