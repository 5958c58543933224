"""A guide's codes: one per target, for active guides, of what there is."""

from datetime import timedelta

import pytest

from config.kernel.actors import Actor
from config.kernel.models import Code, Event
from guides.models import Guide
from guides.services.code_create import CodeTargetUnknown, GuideInactive, code_create
from tests.factories import make_product, make_store

pytestmark = pytest.mark.django_db

ACTOR = Actor("user", "7")


def test_a_product_code_is_made_once(guide, now):
    make_product(code="coat")

    first = code_create(guide_id=guide.pk, product_code="coat", actor=ACTOR, now=now)
    again = code_create(
        guide_id=guide.pk, product_code="coat", actor=ACTOR, now=now + timedelta(days=1)
    )

    assert first == again == Code.objects.get()
    assert (first.purpose, first.payload) == ("guide.product", {"product": "coat"})
    assert (first.owner_type, first.owner_id) == ("guide", guide.pk)
    assert len(first.token) == 16
    event = Event.objects.get(kind="guides.code_created")
    assert (event.subject_id, event.actor_id) == (first.pk, "7")


def test_two_guides_have_two_codes_of_one_product(guide, colleague, now):
    make_product(code="coat")

    codes = {
        code_create(guide_id=who.pk, product_code="coat", actor=ACTOR, now=now).token
        for who in (guide, colleague)
    }

    assert len(codes) == 2


def test_a_revoked_code_is_replaced(guide, now):
    first = code_create(guide_id=guide.pk, actor=ACTOR, now=now)
    Code.objects.update(revoked_at=now)

    second = code_create(guide_id=guide.pk, actor=ACTOR, now=now)

    assert second.token != first.token
    assert (second.purpose, second.payload) == ("guide.personal", {})


def test_a_store_of_ones_own_has_a_code(guide, store, now):
    code = code_create(guide_id=guide.pk, store_code=store.code, actor=ACTOR, now=now)

    assert code.purpose == "guide.store"
    assert code.payload == {"store": store.code, "store_id": store.pk}


def test_what_is_not_there_gets_no_code(guide, now):
    make_product(code="gone", on_sale=False)
    strange = make_store()

    for target in ({"product_code": "gone"}, {"product_code": "no"}, {"store_code": strange.code}):
        with pytest.raises(CodeTargetUnknown):
            code_create(guide_id=guide.pk, actor=ACTOR, now=now, **target)

    assert not Code.objects.exists()


def test_who_left_gets_no_code(guide, now):
    Guide.objects.filter(pk=guide.pk).update(active_until=now)

    with pytest.raises(GuideInactive):
        code_create(guide_id=guide.pk, actor=ACTOR, now=now)

    assert not Code.objects.exists()
