"""A touch is recorded for the code's guide; the first one binds."""

from datetime import timedelta

import pytest

from config.kernel.actors import Actor
from config.kernel.codes import CodeInvalid, code_issue
from config.kernel.models import Event
from guides.models import Binding, Guide, GuideAssignment, Touch
from guides.services.code_create import code_create
from guides.services.touch_record import ProductUnknown, touch_record
from tests.factories import (
    make_binding,
    make_guide,
    make_member,
    make_product,
    make_store,
    publish_policy,
)
from tests.guides.sales import ATTRIBUTION

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def product():
    return make_product(code="coat", name="大衣")


@pytest.fixture
def code(guide, product, now):
    return code_create(guide_id=guide.pk, product_code="coat", actor=Actor("user", "1"), now=now)


def touch(member, code, now, **more):
    return touch_record(
        token=code.token, member_id=member.pk, actor=Actor.member(member.pk), now=now, **more
    )


def test_the_first_touch_is_recorded_and_binds(rules, guide, product, code, member, store, now):
    done = touch(member, code, now)

    assert (done.guide, done.product) == (guide, product)
    row = Touch.objects.get()
    assert (row.member, row.guide, row.code) == (member, guide, code)
    assert (row.product_code, row.store, row.occurred_at) == ("coat", store, now)
    binding = Binding.objects.get()
    assert (binding.member, binding.guide, binding.since) == (member, guide, now)
    assert (binding.source, binding.until) == ("touch", None)
    event = Event.objects.get(kind="guides.binding_opened")
    assert (event.subject_type, event.subject_id) == ("binding", binding.pk)
    assert (event.actor_kind, event.actor_id) == ("member", str(member.pk))
    assert event.payload == {"guide_id": guide.pk, "member_id": member.pk}


def test_a_member_keeps_the_guide_they_have(rules, guide, colleague, code, member, now):
    make_binding(member=member, guide=colleague)

    touch(member, code, now)

    assert Binding.objects.get().guide == colleague
    assert Touch.objects.get().guide == guide


def test_a_member_whose_guide_left_gets_the_next(rules, guide, colleague, code, member, now):
    make_binding(member=member, guide=colleague, since=now - 9 * DAY, until=now - DAY)

    touch(member, code, now)

    assert Binding.objects.get(until__isnull=True).guide == guide


def test_a_guide_does_not_become_their_own_customer(rules, store, now):
    shopper = make_member()
    own = make_guide(store=store, user=shopper.user)
    personal = code_create(guide_id=own.pk, actor=Actor("user", "1"), now=now)

    touch(shopper, personal, now)

    assert Touch.objects.count() == 1
    assert not Binding.objects.exists()


def test_the_policy_can_leave_binding_to_people(guide, code, member, now):
    publish_policy(kind="attribution", body=ATTRIBUTION | {"bind_on_touch": False})

    touch(member, code, now)

    assert Touch.objects.count() == 1
    assert not Binding.objects.exists()


def test_the_product_looked_at_goes_before_that_of_the_code(rules, code, member, now):
    make_product(code="hat")

    assert touch(member, code, now, product_code="hat").touch.product_code == "hat"


def test_a_store_code_says_where(rules, guide, member, now):
    branch = make_store(operator=guide.operator)
    GuideAssignment.objects.create(guide=guide, store=branch, since=now - 40 * DAY)
    code = code_create(guide_id=guide.pk, store_code=branch.code, actor=Actor("user", "1"), now=now)

    assert touch(member, code, now).touch.store_id == branch.pk


def test_the_token_may_be_typed_in_small_letters(rules, code, member, now):
    done = touch_record(
        token=f" {code.token.lower()} ", member_id=member.pk, actor=Actor("member"), now=now
    )

    assert done.touch.code == code


def _unknown(code, guide, now):
    code.token = "NOSUCHTOKEN"


def _revoked(code, guide, now):
    code.revoked_at = now
    code.save()


def _run_out(code, guide, now):
    code.valid_until = now
    code.save()


def _guide_left(code, guide, now):
    Guide.objects.filter(pk=guide.pk).update(active_until=now)


def _of_something_else(code, guide, now):
    other = code_issue(purpose="gift", owner_type="member", owner_id=guide.pk, now=now)
    code.token = other.token


@pytest.mark.parametrize("spoil", [_unknown, _revoked, _run_out, _guide_left, _of_something_else])
def test_a_code_that_does_not_work_leaves_nothing(rules, guide, code, member, now, spoil):
    spoil(code, guide, now)

    with pytest.raises(CodeInvalid):
        touch(member, code, now)

    assert not Touch.objects.exists()
    assert not Binding.objects.exists()


def test_an_unknown_product_leaves_nothing(rules, code, member, now):
    with pytest.raises(ProductUnknown):
        touch(member, code, now, product_code="nosuch")

    assert not Touch.objects.exists()
    assert not Binding.objects.exists()
