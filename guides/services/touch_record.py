"""A member scanned or opened a guide's code."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from config.kernel.actors import Actor
from config.kernel.codes import CodeInvalid, code_resolve
from config.kernel.policies import policy_at
from guides.models import Binding, Guide, GuideAssignment, Touch
from guides.policies import ATTRIBUTION, attribution_rules
from guides.services.binding_open import binding_open
from guides.services.code_create import OWNER
from mall.models import Product
from mall.selectors.catalogue import ProductUnknown
from members.models import Member


@dataclass(frozen=True, slots=True)
class Touched:
    """A touch that was recorded, by whose code, and the product that was looked at."""

    touch: Touch
    guide: Guide
    product: Product | None


def touch_record(
    *, token: str, member_id: int, actor: Actor, now: datetime, product_code: str = ""
) -> Touched:
    """Record that the member came by ``token``, and bind them if they have no guide yet.

    ``product_code`` is what they look at; without it the code's own product counts.
    Raises CodeInvalid (404) for a token that is not a live code of an active guide, or of a basket
    that is for somebody else, and ProductUnknown (404).
    """
    with transaction.atomic():
        code = code_resolve(token=token, now=now)
        guide = (
            Guide.objects.select_related("operator")
            .filter(
                Q(active_until__isnull=True) | Q(active_until__gt=now),
                pk=code.owner_id,
                active_from__lte=now,
            )
            .first()
            if code.owner_type == OWNER
            else None
        )
        # A basket that was prepared for somebody is for nobody else.
        if guide is None or code.payload.get("member_id") not in (None, member_id):
            raise CodeInvalid()
        wanted = product_code or code.payload.get("product", "")
        product = _product(wanted) if wanted else None
        touch = Touch.objects.create(
            member_id=member_id,
            guide=guide,
            code=code,
            product_code=product.code if product else "",
            store_id=code.payload.get("store_id") or _store_id(guide, now),
            occurred_at=now,
        )
        _bind(guide, member_id, actor, now)
        return Touched(touch, guide, product)


def _product(code: str) -> Product:
    product = Product.objects.filter(code=code, archived_at__isnull=True).first()
    if product is None:
        raise ProductUnknown(product=code)
    return product


def _store_id(guide: Guide, now: datetime) -> int | None:
    """Where the guide works now; the latest assignment when there are several."""
    return (
        GuideAssignment.objects.filter(
            Q(until__isnull=True) | Q(until__gt=now), guide=guide, since__lte=now
        )
        .order_by("-since", "-pk")
        .values_list("store_id", flat=True)
        .first()
    )


def _bind(guide: Guide, member_id: int, actor: Actor, now: datetime) -> None:
    if Binding.objects.filter(member_id=member_id, until__isnull=True).exists():
        return
    policy = policy_at(kind=ATTRIBUTION, scope=guide.operator.code, moment=now)
    if policy is not None and not attribution_rules(policy.body).bind_on_touch:
        return
    user_id = Member.objects.values_list("user_id", flat=True).get(pk=member_id)
    binding_open(
        guide=guide,
        member_id=member_id,
        member_user_id=user_id,
        source="touch",
        actor=actor,
        now=now,
    )
