"""A product's pictures: more of them, in another order, fewer. Files are kept when they leave:
orders of the past show them."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.reference import reference_record
from mall.images import image_redrawn, image_store
from mall.models import Product
from mall.services.product_edit import product_hold

MAX_IMAGES = 12


class TooManyImages(DomainError):
    code = "too_many_images"
    message = _("A product has {most} pictures at most.")


class ImagesChanged(Conflict):
    code = "images_changed"
    message = _(
        "Somebody else has changed these pictures meanwhile. Here they are as they are now."
    )


def product_images_add(
    *, product_id: int, files: Sequence[tuple[str, bytes]], actor: Actor, now: datetime
) -> int:
    """Append pictures; ``files`` are (name for refusals, content). Returns how many are new.

    All of them or none. Raises ProductMissing, ImageRefused, TooManyImages.
    """
    if len(files) > MAX_IMAGES:
        raise TooManyImages(most=MAX_IMAGES)
    # Before the transaction: drawing takes its time. What a refusal leaves behind is a file that
    # nobody refers to, under the name that the next upload of it finds again.
    bodies = [image_redrawn(content, file=name) for name, content in files]
    addresses = list(dict.fromkeys(image_store(body) for body in bodies))
    with transaction.atomic():
        product = product_hold(product_id=product_id)
        new = [address for address in addresses if address not in product.images]
        if len(product.images) + len(new) > MAX_IMAGES:
            raise TooManyImages(most=MAX_IMAGES)
        _write(product, [*product.images, *new], actor, now)
    return len(new)


def product_images_arrange(
    *, product_id: int, images: Sequence[str], shown: Sequence[str], actor: Actor, now: datetime
) -> None:
    """Keep ``images``, some of those ``shown``, in this order.

    Raises ProductMissing, ImagesChanged when others are there than were shown.
    """
    with transaction.atomic():
        product = product_hold(product_id=product_id)
        if product.images != list(shown):
            raise ImagesChanged()
        if len(set(images)) < len(images) or not set(images) <= set(shown):
            raise ImagesChanged()
        _write(product, list(images), actor, now)


def _write(product: Product, images: list[str], actor: Actor, now: datetime) -> None:
    if images == product.images:
        return
    Product.objects.filter(pk=product.pk).update(images=images)
    reference_record(row=product, change="changed", changes={"images": True}, actor=actor, now=now)
