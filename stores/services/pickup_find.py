"""Which parcel does this code name? For the staff at the desk."""

import re
import unicodedata
from datetime import datetime

from django.core.cache import cache
from django.db.models import Case, IntegerField, Q, Value, When
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError, NotFound
from stores.models import Pickup, Store
from stores.permissions import DESK
from stores.reach import Reach, work_reach
from stores.services.pickup_collect import PickupElsewhere
from stores.services.pickup_token import token_hash, tokens_in
from stores.states import PickupState

TRIES_PER_HOUR = 10
LIVE = (PickupState.AWAITING, PickupState.READY, PickupState.HELD)


class PickupUnknown(NotFound):
    code = "pickup_unknown"
    message = _("There is no parcel with this code here.")


class PickupTooManyTries(DomainError):
    code = "pickup_too_many_tries"
    status = 429
    message = _("Too many wrong codes at this store. Scan the QR code or wait an hour.")


def pickup_find(*, user, text: str, now: datetime) -> Pickup:
    """The parcel that scanned or typed ``text`` names, of a store whose desk ``user`` works at.

    ``text`` is the QR code's token (any case, or an address that contains it), or the eight
    digits and the last four of the phone. A live parcel is preferred; a finished one is found
    so that a second scan can be answered. Raises PickupElsewhere (naming the store),
    PickupUnknown, PickupTooManyTries: guessing digits ends after ten wrong ones per hour and
    store; tokens cannot be guessed and always work.
    """
    reach = work_reach(user, DESK, now=now)
    stores, scopes = reach.stores(), _scopes(reach) or [f"user:{user.pk}"]
    found = _by_token(text)
    if found is None:
        keys = [f"pickup-tries:{scope}:{int(now.timestamp()) // 3600}" for scope in scopes]
        if any((n or 0) >= TRIES_PER_HOUR for n in cache.get_many(keys).values()):
            raise PickupTooManyTries()
        found = _by_digits(text, stores)
        if found is None or not _allowed(found, stores):
            _count(keys)
    if found is None:
        raise PickupUnknown()
    if not _allowed(found, stores):
        raise PickupElsewhere(store=found.store.name)
    return found


def _scopes(reach: Reach) -> list[str]:
    """A name for each place that wrong tries are counted at."""
    if reach.everything:
        return ["all"]
    return [
        *(f"store:{pk}" for pk in sorted(reach.store_ids)),
        *(f"operator:{pk}" for pk in sorted(reach.operator_ids)),
    ]


def _allowed(pickup: Pickup, stores: Q) -> bool:
    return Store.objects.filter(stores, pk=pickup.store_id).exists()


def _by_token(text: str) -> Pickup | None:
    hashes = [token_hash(token) for token in tokens_in(text)]
    if not hashes:
        return None
    return Pickup.objects.select_related("store").filter(code_hash__in=hashes).first()


def _by_digits(text: str, stores: Q) -> Pickup | None:
    """Live before finished, the user's stores before others, newest first."""
    plain = re.sub(r"[\s\-–—]+", "", unicodedata.normalize("NFKC", text))
    match = re.fullmatch(r"([0-9]{8})([0-9]{4})?", plain, re.ASCII)
    if match is None:
        return None
    mine = Q(store__in=Store.objects.filter(stores))
    return (
        Pickup.objects.select_related("store")
        .filter(digits=match[1], phone_tail=match[2] or "")
        .annotate(
            here=Case(When(mine, then=Value(0)), default=Value(1), output_field=IntegerField()),
            live=Case(
                When(state__in=LIVE, then=Value(0)), default=Value(1), output_field=IntegerField()
            ),
        )
        .order_by("here", "live", "-pk")
        .first()
    )


def _count(keys: list[str]) -> None:
    for key in keys:
        cache.add(key, 0, timeout=3600)
        cache.incr(key)
