"""A product is added, or its texts, its place in the mall and its schedule change.

What it costs is its SKUs' matter (``product_skus``), what it looks like ``product_images``.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.locks import advisory
from config.kernel.reference import reference_record
from mall.models import Product
from mall.services.catalogue_import_write import search_text_refresh

# What this service writes; the rest of a product follows from its SKUs or has its own service.
FIELDS = (
    "name",
    "category",
    "brand",
    "brief",
    "keywords",
    "unit",
    "attributes",
    "list_price_fen",
    "on_sale",
    "listed_from",
    "listed_until",
)


class ProductMissing(NotFound):
    code = "product_missing"


class ProductChanged(Conflict):
    code = "product_changed"
    message = _("Somebody else has changed this product meanwhile. Load it anew to see how.")


class ProductCodeTaken(Conflict):
    code = "product_code_taken"
    message = _("There is a product with this code already.")


def product_version(product: Product) -> str:
    """A digest of all that :func:`product_edit` writes, as ``product`` holds it."""
    values = [product.serializable_value(name) for name in FIELDS]
    shown = json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False)
    return hashlib.sha256(shown.encode()).hexdigest()[:32]


def product_hold(*, product_id: int) -> Product:
    """The product as it is, with other edits of it and of its SKUs kept out until commit.

    Inside the caller's transaction. Raises ProductMissing.
    """
    advisory("mall.product", [product_id])
    product = Product.objects.filter(pk=product_id).first()
    if product is None:
        raise ProductMissing()
    return product


def product_add(*, code: str, values: Mapping[str, Any], actor: Actor, now: datetime) -> Product:
    """A product without SKUs, hence not on the shelf yet. ``values`` are of :data:`FIELDS`.

    Raises ProductCodeTaken.
    """
    try:
        with transaction.atomic():
            product = Product.objects.create(
                code=code, images=[], price_fen=0, search_text="", **_known(values)
            )
            search_text_refresh(product.pk)
            changes = {"code": True} | _changes(None, values)
            reference_record(row=product, change="added", changes=changes, actor=actor, now=now)
    except IntegrityError as error:
        raise ProductCodeTaken() from error
    return product


def product_edit(
    *, product_id: int, values: Mapping[str, Any], shown: str, actor: Actor, now: datetime
) -> Product:
    """Write ``values`` of :data:`FIELDS`. ``shown``: the version that whoever edits has seen.

    Raises ProductMissing, ProductChanged. Nothing different, nothing written.
    """
    with transaction.atomic():
        product = product_hold(product_id=product_id)
        if product_version(product) != shown:
            raise ProductChanged()
        values = {k: v for k, v in _known(values).items() if getattr(product, k) != v}
        if not values:
            return product
        changes = _changes(product, values)
        for name, value in values.items():
            setattr(product, name, value)
        product.save(update_fields=list(values))
        search_text_refresh(product.pk)
        reference_record(row=product, change="changed", changes=changes, actor=actor, now=now)
    return product


def _known(values: Mapping[str, Any]) -> dict[str, Any]:
    unknown = values.keys() - set(FIELDS)
    if unknown:
        raise ValueError(f"not of this service: {sorted(unknown)}")
    return dict(values)


def _changes(product: Product | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """As :class:`ReferenceChanged` tells them: of texts only that they changed."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        field = Product._meta.get_field(name)
        if isinstance(field, models.CharField | models.JSONField):
            changes[name] = True
        else:
            changes[name] = [_plain(getattr(product, name, None)), _plain(value)]
    return changes


def _plain(value: Any) -> Any:
    if isinstance(value, models.Model):
        return value.pk
    return value.isoformat() if isinstance(value, datetime) else value
