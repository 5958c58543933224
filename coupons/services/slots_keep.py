"""Coupons kept ready for a rush: filled up while their template is open, given back after it."""

from datetime import datetime

from django.db import transaction
from django.db.models import F, Q

from coupons.guards import slots_fill, slots_return
from coupons.models import Template


def slots_keep(*, now: datetime) -> int:
    """Fill up the slots of the templates that are open and keep some ready; give those of others
    back to their quota. A transaction per template, so that a claim waits for a short one at
    most. Returns how many were filled."""
    over = Q(claim_until__lte=now) | Q(slots_ready=0) | Q(archived_at__isnull=False)
    filled = 0
    for pk in Template.objects.filter(over, slots__isnull=False).distinct().values_list("pk"):
        with transaction.atomic():
            slots_return(template_id=pk[0])
    due = Template.objects.exclude(over).filter(
        slots_ready__gt=0, stopped_at__isnull=True, issued__lt=F("quota")
    )
    for pk in due.order_by("pk").values_list("pk"):
        with transaction.atomic():
            filled += slots_fill(template_id=pk[0])
    return filled
