"""Answers of the desk."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from mall.web.access import DeskRequest


def page_of(
    request: DeskRequest, template: str, page: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """``template`` with ``page``. A refusal says so in a header: the page's script shows what
    stands in it, as of no other error."""
    answer = render(request, template, page, status=status)
    if status >= 400:
        answer["HX-Refusal"] = "1"
    return answer
