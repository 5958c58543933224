"""Designing a coupon template or a promotion: a draft is begun, filled in step by step, published.

What is written at the end is reference data; its event is the same as of every other. A template
that may cost more than its publisher decides on alone waits for a second person.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.models import Approval
from config.kernel.money import yuan
from config.kernel.reference import reference_record
from coupons.models import Template
from mall.discount_draft_values import (
    MODELS,
    OWN,
    PROMOTION,
    TEMPLATE,
    exposure_fen,
    problems,
    row_of,
    values_of,
    version_of,
)
from mall.discount_terms_words import discount_words
from mall.locks import discount_lock, draft_lock
from mall.models import DiscountDraft
from stores.approvals import approval_needed
from stores.states import Role

PUBLISH = "mall.discount_publish"


class DraftMissing(NotFound):
    code = "discount_draft_unknown"


class DraftPublished(Conflict):
    code = "discount_draft_published"
    message = gettext_lazy("This draft has been published.")


class DraftIncomplete(DomainError):
    code = "discount_draft_incomplete"
    message = gettext_lazy("Not ready to be published: {problems}")


class DraftOutdated(Conflict):
    """What it changes was changed by somebody else meanwhile."""

    code = "discount_draft_outdated"
    message = gettext_lazy("Somebody has changed it since this draft was begun. Begin a new one.")


class DraftMoved(Conflict):
    code = "discount_draft_operator"
    message = gettext_lazy("What exists stays with its operator. Copy it for another one.")


class DraftRewritesPast(Conflict):
    """Orders were placed under it: what they say of it stays true (invariants 11)."""

    code = "discount_draft_past"
    message = gettext_lazy(
        "What has begun keeps its code, begins no later, and ends now at the earliest."
    )


def draft_begin(
    *,
    kind: str,
    operator_id: int,
    actor: Actor,
    now: datetime,
    source: Any = None,
    copy: bool = False,
) -> DiscountDraft:
    """An empty draft; one that changes ``source``, or with ``copy`` a new one like it."""
    values = values_of(source, kind) if source is not None else {}
    title = values.get("name", "")
    if copy:
        values = {name: value for name, value in values.items() if name not in OWN}
    changed = source is not None and not copy
    return DiscountDraft.objects.create(
        kind=kind,
        operator_id=operator_id,
        title=title,
        values={**values, "operator": operator_id},
        source_id=source.pk if changed else None,
        seen=version_of(values) if changed else "",
        created_by_id=int(actor.id),
        updated_at=now,
    )


def draft_fill(
    *, draft_id: int, values: Mapping[str, Any], actor: Actor, now: datetime
) -> DiscountDraft:
    """Keep what a step says. ``values`` are fields of the row as JSON.

    Raises DraftMissing, DraftPublished, DraftMoved.
    """
    with transaction.atomic():
        draft = _open(draft_id)
        operator_id = values.get("operator", draft.operator_id)
        if draft.source_id is not None and operator_id != draft.operator_id:
            raise DraftMoved()
        draft.values = {**draft.values, **values}
        draft.operator_id = operator_id
        draft.title = draft.values.get("name", draft.title)
        draft.updated_at = now
        draft.save(update_fields=["values", "operator", "title", "updated_at"])
    return draft


def draft_publish(*, draft_id: int, reason: str, user: Any, now: datetime) -> Approval | Any:
    """Write the template or promotion, or ask for it where it may cost more than ``user`` decides
    on alone. Returns the row, or the request that now waits.

    Raises DraftMissing, DraftPublished, DraftIncomplete, DraftOutdated, DraftRewritesPast,
    ApprovalPending.
    """
    actor = Actor.user(user)
    with transaction.atomic():
        draft = _open(draft_id)
        row = _row_ready(draft)
        cost_fen = _more_fen(draft, row)
        if cost_fen and approval_needed(
            user=user,
            kind=PUBLISH,
            amount_fen=cost_fen,
            operator_id=draft.operator_id,
            now=now,
        ):
            return approval_request(
                kind=PUBLISH,
                subject_type=DiscountDraft._meta.label_lower,
                subject_id=draft.pk,
                params={"version": version_of(draft.values)},
                reason=reason,
                amount_fen=cost_fen,
                operator_id=draft.operator_id,
                actor=actor,
                now=now,
            )
        return _publish(draft, row, reason, actor, now)


def _open(draft_id: int) -> DiscountDraft:
    draft = draft_lock(draft_id=draft_id)
    if draft is None:
        raise DraftMissing()
    if draft.published_at is not None:
        raise DraftPublished()
    return draft


def _row_ready(draft: DiscountDraft) -> Any:
    """The row as it will be. Raises DraftIncomplete, DraftOutdated."""
    source = None
    if draft.source_id is not None:
        source = discount_lock(MODELS[draft.kind], pk=draft.source_id)
        if source is None or version_of(values_of(source, draft.kind)) != draft.seen:
            raise DraftOutdated()
    row = row_of(draft.kind, draft.values, source)
    wrong = problems(draft.kind, row)
    if wrong:
        texts = "; ".join(text for texts in wrong.values() for text in texts)
        raise DraftIncomplete(problems=texts, steps=sorted(wrong))
    return row


def _more_fen(draft: DiscountDraft, row: Any) -> int:
    """How much more it may cost than what is there; a promotion's cost has no limit to compare."""
    if draft.kind != TEMPLATE:
        return 0
    before = 0
    if draft.source_id is not None:
        before = exposure_fen(Template._base_manager.get(pk=draft.source_id)) or 0
    after = exposure_fen(row) or 0
    return after if after > before else 0


def _publish(draft: DiscountDraft, row: Any, reason: str, actor: Actor, now: datetime) -> Any:
    changed = {}
    if draft.source_id is not None:
        source: Any = MODELS[draft.kind]._base_manager.get(pk=draft.source_id)
        if draft.kind == PROMOTION and source.starts_at <= now:
            _ensure_past_stays(source, row, now)
        before, after = values_of(source, draft.kind), values_of(row, draft.kind)
        names = [name for name in after if after[name] != before.get(name)]
        changed = {name: _told(before.get(name), after[name]) for name in names}
        # The counters of the guards are theirs, and go on while this is written.
        row.save(update_fields=names)
    else:
        row.save(force_insert=True)
    draft.published_at = draft.updated_at = now
    draft.source_id = row.pk
    draft.save(update_fields=["published_at", "updated_at", "source_id"])
    reference_record(
        row=row,
        change="changed" if changed else "added",
        changes=changed,
        actor=actor,
        now=now,
        reason=reason,
    )
    return row


def _ensure_past_stays(source: Any, row: Any, now: datetime) -> None:
    shorter = row.starts_at > source.starts_at or row.ends_at < min(now, source.ends_at)
    if shorter or row.code != source.code:
        raise DraftRewritesPast()


def _told(before: Any, after: Any) -> Any:
    """Numbers as they were and are; of texts and documents that they changed."""
    plain = (int, bool, type(None))
    return [before, after] if isinstance(before, plain) and isinstance(after, plain) else True


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    draft = _open(approval.subject_id)
    if version_of(draft.values) != approval.params["version"]:
        # It was filled in differently since: it has to be asked again.
        raise Conflict()
    _publish(draft, _row_ready(draft), approval.reason, actor, now)


def _describe(approval: Approval) -> str:
    draft = DiscountDraft.objects.select_related("operator").get(pk=approval.subject_id)
    row = row_of(draft.kind, draft.values)
    said = _("The coupon template “{name}” is published; it may cost up to {amount}.").format(
        name=draft.title, amount=yuan(approval.amount_fen)
    )
    return "\n".join([said, *discount_words(row)])


PUBLISH_KIND = ApprovalKind(
    code=PUBLISH,
    label=gettext_lazy("publishing of coupons"),
    permission="mall.change_discountdraft",
    run=_run,
    describe=_describe,
    limits={
        "alone": {Role.HEADQUARTERS: 10_000_000},
        "check": {Role.HEADQUARTERS: None},
    },
)
