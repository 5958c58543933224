"""A guide's codes: personal, of a store, or of a product."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.codes import code_issue
from config.kernel.errors import Forbidden, NotFound
from config.kernel.events import record
from config.kernel.locks import advisory
from config.kernel.models import Code
from guides.events import CodeCreated
from guides.models import Guide, GuideAssignment
from mall.listing import on_shelf
from mall.models import Product

OWNER = "guide"
PERSONAL = "guide.personal"
PRODUCT = "guide.product"
STORE = "guide.store"
BASKET = "guide.basket"


class GuideInactive(Forbidden):
    code = "guide_inactive"
    message = _("You are not an active guide.")


class CodeTargetUnknown(NotFound):
    code = "code_target_unknown"
    message = _("There is nothing on sale, and no store of yours, called {target}.")


def code_create(
    *, guide_id: int, actor: Actor, now: datetime, product_code: str = "", store_code: str = ""
) -> Code:
    """The guide's code for a product or one of their stores, or the personal one for neither.

    Asking twice gives the same code. Raises GuideInactive (403) and CodeTargetUnknown (404).
    """
    with transaction.atomic():
        active = Guide.objects.filter(
            Q(active_until__isnull=True) | Q(active_until__gt=now),
            pk=guide_id,
            active_from__lte=now,
        )
        if not active.exists():
            raise GuideInactive()
        purpose, payload = _target(guide_id, product_code, store_code, now)
        advisory("guides.codes", [guide_id])
        code = Code.objects.filter(
            Q(valid_until__isnull=True) | Q(valid_until__gt=now),
            owner_type=OWNER,
            owner_id=guide_id,
            purpose=purpose,
            payload=payload,
            revoked_at__isnull=True,
        ).first()
        if code is None:
            code = code_issue(
                purpose=purpose, owner_type=OWNER, owner_id=guide_id, payload=payload, now=now
            )
            record([CodeCreated(subject_id=code.pk, guide_id=guide_id)], actor=actor, now=now)
        return code


def _target(
    guide_id: int, product_code: str, store_code: str, now: datetime
) -> tuple[str, dict[str, Any]]:
    if product_code:
        if not Product.objects.filter(on_shelf(now), code=product_code).exists():
            raise CodeTargetUnknown(target=product_code)
        return PRODUCT, {"product": product_code}
    if store_code:
        assignment = (
            GuideAssignment.objects.filter(
                Q(until__isnull=True) | Q(until__gt=now),
                guide_id=guide_id,
                store__code=store_code,
                since__lte=now,
            )
            .values("store_id")
            .first()
        )
        if assignment is None:
            raise CodeTargetUnknown(target=store_code)
        return STORE, {"store": store_code, "store_id": assignment["store_id"]}
    return PERSONAL, {}
