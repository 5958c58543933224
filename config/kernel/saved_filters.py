"""Filters that people keep for a list: saved and let go, on record, each in one transaction."""

from datetime import datetime
from urllib.parse import parse_qs

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.models import SavedFilter, User
from config.kernel.reference import reference_record

QUERY_MOST = 1024
FILTERS_MOST = 50


class FilterNameTaken(Conflict):
    code = "filter_name_taken"
    message = _("You have a filter of that name for this list.")


class FilterNotKeepable(DomainError):
    code = "filter_not_keepable"
    message = _("There is nothing to keep in this filter, or more than can be kept.")


class FilterNotShareable(DomainError):
    code = "filter_not_shareable"
    message = _("A filter with search words stays your own: they may name a person.")


class FiltersTooMany(Conflict):
    code = "filters_too_many"
    message = _("You keep {most} filters for this list: let one go first.")


class FilterUnknown(NotFound):
    code = "filter_unknown"


def filter_save(
    *, user: User, model: str, name: str, query: str, shared: bool, now: datetime
) -> SavedFilter:
    """Keep ``query`` of the list at ``model`` (its label) as ``name``.

    The caller has made sure that the list understands the query. Raises FilterNotKeepable,
    FilterNotShareable, FilterNameTaken, FiltersTooMany.
    """
    if not query or len(query) > QUERY_MOST:
        raise FilterNotKeepable()
    if shared and "q" in parse_qs(query):
        raise FilterNotShareable()
    if SavedFilter.objects.filter(user=user, model=model).count() >= FILTERS_MOST:
        raise FiltersTooMany(most=FILTERS_MOST)
    try:
        with transaction.atomic():
            kept = SavedFilter.objects.create(
                user=user, model=model, name=name, query=query, shared=shared
            )
            reference_record(
                row=kept,
                change="added",
                changes={"model": [None, model], "shared": [None, shared]},
                actor=Actor.user(user),
                now=now,
            )
    except IntegrityError:
        raise FilterNameTaken() from None
    return kept


def filter_delete(*, user: User, model: str, filter_id: int, now: datetime) -> None:
    """Let one's own filter go. Raises FilterUnknown for anybody else's."""
    with transaction.atomic():
        kept = SavedFilter.objects.filter(user=user, model=model, pk=filter_id).first()
        if kept is None:
            raise FilterUnknown()
        reference_record(row=kept, change="deleted", changes={}, actor=Actor.user(user), now=now)
        kept.delete()
