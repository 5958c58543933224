"""A draft of a discount is published once, and over nothing that somebody changed meanwhile."""

import threading
from functools import partial

import pytest

from config.kernel.actors import Actor
from config.kernel.models import Event
from mall.models import DiscountDraft, Promotion
from mall.services import discount_draft as designing
from mall.services.discount_draft import (
    DraftOutdated,
    DraftPublished,
    draft_begin,
    draft_fill,
    draft_publish,
)
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_promotion, make_user

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def promotion():
    return make_promotion(value=1_000)


@pytest.fixture
def boss():
    return make_user(superuser=True)


def draft(promotion, boss, now, value):
    """One that makes ``promotion`` worth ``value``."""
    actor = Actor.user(boss)
    begun = draft_begin(
        kind="promotion",
        operator_id=promotion.operator_id,
        actor=actor,
        now=now,
        source=promotion,
    )
    return draft_fill(draft_id=begun.pk, values={"value": value}, actor=actor, now=now)


def publish(draft, boss, now):
    return partial(draft_publish, draft_id=draft.pk, reason="调价", user=boss, now=now)


def published():
    rows = Event.objects.filter(kind="kernel.reference_changed", subject_type="mall.promotion")
    return rows.order_by("pk")


def changes():
    """What its events say it became, in their order."""
    return [row.payload["changes"]["value"] for row in published()]


def test_a_draft_published_by_several_people_is_published_once(promotion, boss, now):
    results = race([publish(draft(promotion, boss, now, 1_500), boss, now)] * 4)

    assert len(succeeded(results)) == 1
    assert {type(error) for error in failed(results)} == {DraftPublished}
    assert changes() == [[1_000, 1_500]]


def test_two_drafts_of_one_promotion_do_not_publish_over_each_other(promotion, boss, now):
    drafts = [draft(promotion, boss, now, value) for value in (1_500, 2_000)]

    results = race([publish(one, boss, now) for one in drafts])

    [row] = succeeded(results)
    assert {type(error) for error in failed(results)} == {DraftOutdated}
    assert changes() == [[1_000, row.value]]
    assert Promotion.objects.get().value == row.value


@pytest.fixture
def unlocked(monkeypatch):
    """Two look at draft and row, and neither locks them."""
    both_looked = threading.Barrier(2)

    def look(model, *, pk):
        found = model._base_manager.get(pk=pk)
        both_looked.wait(timeout=20)
        return found

    monkeypatch.setattr(designing, "discount_lock", look)
    monkeypatch.setattr(
        designing, "draft_lock", lambda *, draft_id: DiscountDraft.objects.get(pk=draft_id)
    )


@pytest.mark.corrupts
def test_a_draft_control_without_its_lock_is_published_twice(promotion, boss, now, unlocked):
    results = race([publish(draft(promotion, boss, now, 1_500), boss, now)] * 2)

    assert failed(results) == []
    # The later one may find its value there already, and says so of nothing but its draft.
    assert published().count() == 2


@pytest.mark.corrupts
def test_two_drafts_control_without_the_lock_of_the_row_one_is_lost(promotion, boss, now, unlocked):
    drafts = [draft(promotion, boss, now, value) for value in (1_500, 2_000)]

    results = race([publish(one, boss, now) for one in drafts])

    assert failed(results) == []
    assert sorted(new for _old, new in changes()) == [1_500, 2_000]
