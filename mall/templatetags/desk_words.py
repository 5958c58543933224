"""Words of the desk's pages."""

from django import template

from config.kernel import money

register = template.Library()


@register.filter
def yuan(fen: int) -> str:
    return money.yuan(fen)


@register.filter
def options(values: dict | None) -> str:
    """{"规格": "大"} → 大"""
    return " / ".join(str(value) for value in (values or {}).values())
