"""Stop a template at once, or let it go on."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.events import record
from coupons.events import TemplateResumed, TemplateStopped
from coupons.guards import TemplateUnknown, slots_return
from coupons.models import Template


class StopReasonMissing(DomainError):
    code = "coupon_stop_reason"
    message = _("Say why.")


def template_stop(
    *, template_id: int, use: bool = False, reason: str, actor: Actor, now: datetime
) -> Template:
    """From now on nobody gets a coupon of the template, whatever way; with ``use`` nobody uses
    one either. An order that locked one before keeps it. What was kept ready for a rush goes back
    to the quota. A repetition changes nothing but may add ``use``.

    Raises TemplateUnknown, StopReasonMissing.
    """
    if not reason.strip():
        raise StopReasonMissing()
    with transaction.atomic():
        template = Template.objects.filter(pk=template_id).first()
        if template is None:
            raise TemplateUnknown()
        more = use and template.use_stopped_at is None
        if template.stopped_at is not None and not more:
            return template
        # Claims in flight first: they hold slots and then the row of the template.
        slots_return(template_id=template_id)
        template.stopped_at = template.stopped_at or now
        if use:
            template.use_stopped_at = now
        Template.objects.filter(pk=template_id).update(
            stopped_at=template.stopped_at, use_stopped_at=template.use_stopped_at
        )
        event = TemplateStopped(subject_id=template_id, reason=reason, use=use)
        record([event], actor=actor, now=now)
    return template


def template_resume(*, template_id: int, reason: str, actor: Actor, now: datetime) -> Template:
    """Claiming and use go on. Raises TemplateUnknown, StopReasonMissing."""
    if not reason.strip():
        raise StopReasonMissing()
    with transaction.atomic():
        stopped = Template.objects.filter(pk=template_id, stopped_at__isnull=False)
        if stopped.update(stopped_at=None, use_stopped_at=None):
            event = TemplateResumed(subject_id=template_id, reason=reason)
            record([event], actor=actor, now=now)
        template = Template.objects.filter(pk=template_id).first()
        if template is None:
            raise TemplateUnknown()
    return template
