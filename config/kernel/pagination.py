"""Keyset pagination with opaque cursors: no COUNT, no OFFSET, the same cost on every page."""

from rest_framework.pagination import CursorPagination


class KeysetPagination(CursorPagination):
    """``?cursor=…&page_size=…``; a view sets ``ordering`` to columns that end in a unique one."""

    page_size = 20
    max_page_size = 100
    page_size_query_param = "page_size"
    ordering = "-id"

    def get_ordering(self, request, queryset, view):
        chosen = getattr(view, "get_ordering", None)
        if chosen:
            return tuple(chosen())
        return tuple(getattr(view, "ordering", None) or (self.ordering,))
