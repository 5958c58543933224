"""Every fen of an entry in words, in two languages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from guides.explain import explain_entry, percent
from guides.models import CommissionEntry, Guide
from guides.selectors import commission_entries
from tests.factories import make_binding, make_category, make_product
from tests.guides.sales import (
    handle,
    paid_event,
    paid_order,
    publish_rules,
    refunded_event,
    touched,
)

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)  # 12:00 in Shanghai
DAY = timedelta(days=1)


@pytest.fixture
def story(guide, colleague, member, store):
    """A coat of ¥199.99 by the coats' rule; one guide opened it, the other serves; half back."""
    coats = make_category(code="coats")
    when = {"v": 1, "fact": "category", "op": "in", "value": ["coats"]}
    early = NOON - 60 * DAY
    publish_rules(plan={"rules": [{"when": when, "rate_bp": 550}]}, effective_from=early)
    Guide.objects.filter(pk__in=[guide.pk, colleague.pk]).update(active_from=early)
    coat = make_product(code="coat", name="大衣", category=coats)
    make_binding(member=member, guide=colleague, since=NOON - 30 * DAY)
    touch = touched(member=member, guide=guide, product=coat, now=NOON - DAY)
    order = paid_order(member=member, store=store, paid_at=NOON, lines=[(coat, 1, 19_999)])
    handle(paid_event(order), now=NOON)
    handle(refunded_event(order, now=NOON + DAY, p0=10_000), now=NOON + DAY)
    return touch


def words(guide) -> list[list[str]]:
    entries = commission_entries(guide_id=guide.pk, now=NOON).order_by("pk")
    with translation.override("en"):
        return [explain_entry(entry) for entry in entries]


def test_the_opening_guide_reads_why(story, guide):
    assert words(guide)[0] == [
        "Base: 1 × 大衣, paid ¥199.99.",
        "Rate: 5.5% by commission plan version 1 (category is one of coats): "
        "¥199.99 × 5.5% = ¥11.00, half a fen rounded up.",
        "Share: 60% as opening guide by attribution policy version 1: ¥6.60 of ¥11.00; "
        "the odd fen goes to the larger remainder.",
        f"Why: the customer opened your code {story.code.token} for product coat on "
        "2026-03-01 12:00, within 7 days before paying on 2026-03-02 12:00.",
        "Booked: ¥6.60.",
        "It matures 7 days after the after-sale time of the order is over.",
    ]


def test_the_serving_guide_reads_why_and_a_clawback_says_from_what(story, colleague):
    # 9,999 × 5.5 % = 549.9 → 550; 40 % = 220
    assert words(colleague)[1] == [
        "Base: 1 × 大衣, paid ¥199.99 less ¥100.00 given back = ¥99.99.",
        "Rate: 5.5% by commission plan version 1 (category is one of coats): "
        "¥99.99 × 5.5% = ¥5.50, half a fen rounded up.",
        "Share: 40% as serving guide by attribution policy version 1: ¥2.20 of ¥5.50; "
        "the odd fen goes to the larger remainder.",
        "Why: the customer has been yours since 2026-01-31 12:00, so also on 2026-03-02 12:00.",
        "Booked: ¥2.20 less ¥4.40 booked before = -¥2.20.",
        "It matures 7 days after the after-sale time of the order is over.",
    ]


def test_who_is_alone_has_the_whole_pot(rules, guide, member, store, now):
    make_binding(member=member, guide=guide)
    handle(paid_event(paid_order(member=member, store=store)), now=now)

    sentences = words(guide)[0]

    assert sentences[1].startswith("Rate: 3% by commission plan version 1 (its normal rate): ")
    assert sentences[2] == "Share: you alone, the whole pot of ¥3.00."


def test_the_words_add_up_to_the_entry(story, guide, colleague):
    for entry in CommissionEntry.objects.select_related(
        "attribution__line", "attribution__policy", "attribution__plan"
    ):
        assert entry.pot_fen in (1100, 550)
    assert [e.amount_fen for e in guide.entries.order_by("pk")] == [660, -330]
    assert [e.amount_fen for e in colleague.entries.order_by("pk")] == [440, -220]


def test_reading_an_explanation_asks_the_database_nothing(story, guide, django_assert_num_queries):
    with django_assert_num_queries(1):
        entries = list(commission_entries(guide_id=guide.pk, now=NOON))
        assert [len(explain_entry(entry)) for entry in entries] == [6, 6]


@pytest.mark.parametrize(
    ("basis_points", "text"), [(300, "3%"), (350, "3.5%"), (1, "0.01%"), (10_000, "100%")]
)
def test_percent(basis_points, text):
    assert percent(basis_points) == text
