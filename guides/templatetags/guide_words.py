"""Filters of the workbench: money, phones, moments and explanations."""

from datetime import datetime

from django import template

from config.kernel import money
from guides import explain
from guides.models import CommissionEntry

register = template.Library()


@register.filter
def yuan(fen: int) -> str:
    return money.yuan(fen)


@register.filter
def masked_phone(phone: str | None) -> str:
    """``+8613812345678`` → ``138****5678``: enough to recognise, not enough to call."""
    if not phone:
        return ""
    digits = phone.removeprefix("+86")
    if len(digits) < 8:
        return "****"
    return f"{digits[:3]}****{digits[-4:]}"


@register.filter
def moment(value: datetime | None) -> str:
    return explain.local(value) if value else ""


@register.filter
def explained(entry: CommissionEntry) -> list[str]:
    return explain.explain_entry(entry)
