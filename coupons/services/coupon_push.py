"""Operations send a coupon to all members that a condition means: in the background."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress
from config.kernel.batches import register_kind as register_batch
from config.kernel.models import Batch, User
from coupons import member_facts
from coupons.guards import (
    ClaimClosed,
    PerDayLimit,
    PerMemberLimit,
    QuotaExhausted,
    TemplateUnknown,
)
from coupons.guards_push import coupons_push
from coupons.members_meant import members_meant
from coupons.models import ClaimSlot, Coupon, Template
from coupons.services.coupon_give import coupon_give
from coupons.states import Source
from members.models import Member

KIND = "coupon_push"
CHUNK = 500
OVER = QuotaExhausted.code


@dataclass(frozen=True, slots=True)
class PushPreview:
    """How many members are meant (``exact``, or at most so many), how many of them may have one
    more, and how many coupons are left for them."""

    meant: int
    exact: bool
    may: int
    left: int


def push_preview(*, template: Template, condition: dict[str, Any], now: datetime) -> PushPreview:
    """What a push would do now; nothing is written. Four statements. Raises ConditionInvalid."""
    member_facts.validate(condition)
    members, exact = members_meant(rules=[condition, template.claim_for], now=now)
    theirs = Coupon.objects.filter(
        Q(member=OuterRef("pk")) | Q(given_by=OuterRef("pk")), template=template
    )
    had = theirs.order_by().values("template").annotate(n=Count("pk")).values("n")
    may = members.annotate(had=Coalesce(Subquery(had), 0)).filter(had__lt=template.per_member)
    ready = ClaimSlot.objects.filter(template=template).count()
    left = Template.objects.filter(pk=template.pk).values_list(F("quota") - F("issued"), flat=True)
    return PushPreview(members.count(), exact, may.count(), left[0] + ready)


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
    members, _exact = _meant(template, condition, now)
    return batch_ask(
        kind=KIND,
        source=template.name,
        subject="coupons.template",
        request={"template": template.code, "condition": condition, "last": 0},
        total=members.count(),
        user=user,
        now=now,
    )


def coupon_push_work(batch: Batch, clock: Clock) -> Outcome:
    """Members by primary key, a statement and a transaction per some hundred; taken up again it
    passes over those that have theirs. Stops when nobody could get one any more, and says why
    (``over``)."""
    code, condition = batch.request["template"], batch.request["condition"]
    template = Template.objects.get(code=code)
    actor = SYSTEM if batch.started_by is None else Actor.user(batch.started_by)
    done, given, last, over = 0, 0, 0, ""
    while not over:
        now = clock()
        members, exact = _meant(template, condition, now)
        left = members.filter(pk__gt=last).order_by("pk")
        pks = list(left.values_list("pk", flat=True)[:CHUNK])
        if not pks:
            break
        meant = pks if exact else [pk for pk in pks if _fits(pk, template, condition, now)]
        with transaction.atomic():
            try:
                some, over = _push(batch, code, meant, actor, now)
            except ClaimClosed as error:
                over = error.code
            else:
                given, done, last = given + some, done + len(pks), pks[-1]
            batch_progress(batch, done=min(done, batch.total), now=now)
    return Outcome({"given": given, "over": over})


def _push(
    batch: Batch, code: str, members: list[int], actor: Actor, now: datetime
) -> tuple[int, str]:
    """How many of the members were given one, and why it is over, if it is."""
    key, token = f"push:{batch.pk}", f"batch:{batch.pk}"
    pushed = coupons_push(
        template_code=code,
        member_ids=members,
        given_key=key,
        source_token=token,
        actor=actor,
        now=now,
    )
    if not pushed.over:
        return pushed.given, ""
    given = pushed.given
    # What is kept ready for a rush is left: one by one, as a claim takes it.
    for member_id in members if ClaimSlot.objects.filter(template__code=code).exists() else ():
        try:
            coupon = coupon_give(
                template_code=code,
                member_id=member_id,
                source=Source.PUSH,
                source_token=token,
                key=key,
                actor=actor,
                now=now,
            )
        except QuotaExhausted:
            return given, OVER
        except (PerMemberLimit, PerDayLimit):
            continue
        given += coupon is not None
    over = not ClaimSlot.objects.filter(template__code=code).exists()
    return given, OVER if over else ""


def _meant(
    template: Template, condition: Mapping[str, Any], now: datetime
) -> tuple[QuerySet[Member], bool]:
    return members_meant(rules=[condition, template.claim_for], now=now)


def _fits(pk: int, template: Template, condition: Mapping[str, Any], now: datetime) -> bool:
    return all(
        member_facts.member_fits(member_id=pk, condition=rule, now=now)
        for rule in (condition, template.claim_for)
    )


def register() -> None:
    register_batch(KIND, _("coupons sent to members"), coupon_push_work)
