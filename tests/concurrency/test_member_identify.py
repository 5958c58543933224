"""Two first logins of one person at the same moment, at two mini-programs."""

import time
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError

from members.models import ExternalId, Member
from members.services import member_identify as module
from members.services.member_identify import member_identify
from members.services.member_wechat import WechatIdentity
from tests.concurrency.race import failed, race, succeeded

pytestmark = pytest.mark.django_db(transaction=True)


def logins(now):
    """Three mini-programs, each twice."""
    identities = [WechatIdentity(f"wx{n % 3}", f"openid-{n % 3}", "union-1") for n in range(6)]
    return [partial(member_identify, identity=i, now=now) for i in identities]


def test_first_logins_at_once_make_one_member(now):
    results = race(logins(now))

    assert failed(results) == []
    assert len({member.pk for member in succeeded(results)}) == 1
    assert (Member.objects.count(), get_user_model().objects.count()) == (1, 1)
    assert ExternalId.objects.count() == 4


def test_control_without_the_lock_logins_of_one_person_collide(now, monkeypatch):
    """The unique ids still keep the person one; without the lock the others are turned away."""
    monkeypatch.setattr(module, "_serialise", lambda identity: time.sleep(0))
    known = module._known

    def slowly(identity):
        found = known(identity)
        time.sleep(0.2)
        return found

    monkeypatch.setattr(module, "_known", slowly)

    results = race(logins(now))

    assert {type(e) for e in failed(results)} == {IntegrityError}
    assert Member.objects.count() == 1
