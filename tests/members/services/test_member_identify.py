"""Which member an identity leads to, beyond what the fake WeChat can act out."""

import pytest

from members.models import ExternalId, Member
from members.services.member_identify import member_identify
from members.services.member_wechat import WechatIdentity

pytestmark = pytest.mark.django_db


def identify(now, app_id="wxa", openid="o1", unionid=""):
    return member_identify(
        identity=WechatIdentity(app_id=app_id, openid=openid, unionid=unionid), now=now
    )


def test_a_unionid_that_comes_later_is_added(now):
    member = identify(now)

    assert identify(now, unionid="u1") == member
    assert identify(now, app_id="wxb", openid="o2", unionid="u1") == member
    assert ExternalId.objects.filter(member=member).count() == 3


def test_the_same_openid_at_two_mini_programs_is_two_people(now):
    assert identify(now, app_id="wxa") != identify(now, app_id="wxb")


def test_two_members_that_turn_out_to_be_one_person_stay_apart(now):
    first = identify(now, app_id="wxa", openid="o1", unionid="u1")
    second = identify(now, app_id="wxb", openid="o2")

    again = identify(now, app_id="wxb", openid="o2", unionid="u1")

    assert again == second
    assert ExternalId.objects.get(kind="unionid").member == first
    assert Member.objects.count() == 2


def test_numbers_are_random_and_the_user_has_no_password(now):
    member = identify(now)

    assert member.no.startswith("M")
    assert len(member.no) == 17
    assert member.user.username == member.no
    assert not member.user.has_usable_password()
    assert not member.user.is_staff
