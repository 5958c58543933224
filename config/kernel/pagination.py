"""Keyset pagination with opaque cursors: no COUNT, no OFFSET, the same cost on every page."""

from django.core.exceptions import ValidationError
from django.db import DataError
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """``?cursor=…&page_size=…``; a view sets ``ordering`` to columns that end in a unique one."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = "-id"

    def paginate_queryset(self, queryset, request, view=None):
        try:
            return super().paginate_queryset(queryset, request, view)
        except (ValueError, ValidationError, DataError):
            if getattr(self, "cursor", None) is None:
                raise
            # A cursor of somebody's own making: its position is none of the column's values.
            raise NotFound(self.invalid_cursor_message) from None

    def get_ordering(self, request, queryset, view):
        chosen = getattr(view, "get_ordering", None)
        if chosen:
            return tuple(chosen())
        return tuple(getattr(view, "ordering", None) or (self.ordering,))
