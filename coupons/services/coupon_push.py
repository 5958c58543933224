"""Operations send a coupon to all members that a condition means: in the background."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress
from config.kernel.batches import register_kind as register_batch
from config.kernel.errors import DomainError
from config.kernel.models import Batch, User
from coupons import member_facts
from coupons.guards import BudgetExhausted, ClaimClosed, QuotaExhausted, TemplateUnknown
from coupons.models import Template
from coupons.services.coupon_give import coupon_give
from coupons.states import Source
from members.models import Member

KIND = "coupon_push"
CHUNK = 100
# Nobody after this one would get one either.
_OVER = (ClaimClosed, QuotaExhausted, TemplateUnknown, BudgetExhausted)


def coupon_push_ask(
    *, template_id: int, condition: dict[str, Any], user: User, now: datetime
) -> Batch:
    """Give one coupon of the template to every member that ``condition`` means, who may have one.

    Raises TemplateUnknown, ConditionInvalid.
    """
    member_facts.validate(condition)
    template = Template.objects.filter(pk=template_id).first()
    if template is None:
        raise TemplateUnknown()
    return batch_ask(
        kind=KIND,
        source=template.name,
        subject="coupons.template",
        request={"template": template.code, "condition": condition, "after": 0},
        total=_members().count(),
        user=user,
        now=now,
    )


def coupon_push_work(batch: Batch, clock: Clock) -> Outcome:
    """Members by primary key, a transaction per hundred; taken up again it passes over those that
    have theirs. Stops when nobody could get one any more, and says why (``over``)."""
    code, condition = batch.request["template"], batch.request["condition"]
    actor = SYSTEM if batch.started_by is None else Actor.user(batch.started_by)
    done, given, last, over = 0, 0, 0, ""
    while not over:
        left = _members().filter(pk__gt=last).order_by("pk")
        pks = list(left.values_list("pk", flat=True)[:CHUNK])
        if not pks:
            break
        with transaction.atomic():
            for pk in pks:
                try:
                    given += _push(batch, code, condition, pk, actor, clock())
                except _OVER as error:
                    # What was given of this hundred stays given.
                    over = error.code
                    break
                done, last = done + 1, pk
            batch_progress(batch, done=done, now=clock())
    return Outcome({"given": given, "over": over})


def _push(
    batch: Batch, code: str, condition: dict[str, Any], member_id: int, actor: Actor, now: datetime
) -> bool:
    if not member_facts.member_fits(member_id=member_id, condition=condition, now=now):
        return False
    try:
        with transaction.atomic():
            given = coupon_give(
                template_code=code,
                member_id=member_id,
                source=Source.PUSH,
                source_token=f"batch:{batch.pk}",
                key=f"push:{batch.pk}",
                actor=actor,
                now=now,
            )
    except _OVER:
        raise
    except DomainError:
        # This one may not have it, or has as many as one may.
        return False
    return given is not None


def _members():
    return Member.objects.filter(archived_at__isnull=True, merged_into__isnull=True)


def register() -> None:
    register_batch(KIND, _("coupons sent to members"), coupon_push_work)
