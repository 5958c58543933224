"""A member tells their birthday; it comes once a year, with what their tier is given for it.

The days are ahead of the clock: an event of the past that waits would be one that is stuck.
"""

from datetime import datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel.actors import SYSTEM, Actor
from config.kernel.clock import SHANGHAI
from config.kernel.errors import NotFound
from config.kernel.models import Event
from coupons.models import Coupon
from members.birthdays import Birthday, BirthdayInvalid
from members.models import Member, MemberBirthday, Message
from members.points_rules import PointsLine
from members.services.birthday_set import BirthdayFixed, birthday_correct, birthday_set
from members.services.birthdays_notice import birthdays_notice
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import (
    make_member,
    make_template,
    make_tier,
    publish_policy,
)

pytestmark = pytest.mark.django_db


def tell(member, month, day, now, year=None):
    return birthday_set(
        member_id=member.pk,
        month=month,
        day=day,
        year=year,
        actor=Actor.member(member.pk),
        now=now,
    )


def born(month, day, *, told_at, **member):
    """A member who told their birthday at ``told_at``."""
    made = make_member(**member)
    tell(made, month, day, told_at)
    return made


def noon(*day):
    return datetime(*day, 12, tzinfo=SHANGHAI)


# --- telling it ----------------------------------------------------------------------------------


def test_a_birthday_is_told_with_or_without_its_year(now):
    member = make_member()
    assert tell(member, 2, 29, now, year=1992) == Birthday(2, 29, 1992)
    member.refresh_from_db()
    assert (member.birthday, member.birthday_at) == (Birthday(2, 29, 1992), now)
    event = Event.objects.get(kind="members.birthday_changed")
    # It is what nobody but the member's own row holds.
    assert (event.subject_id, event.payload) == (member.pk, {})


def test_it_is_changed_once_a_year(now):
    member = make_member()
    tell(member, 5, 6, now)
    with pytest.raises(BirthdayFixed):
        tell(member, 5, 7, now + timedelta(days=364))
    member.refresh_from_db()
    assert (member.birthday, Event.objects.count()) == (Birthday(5, 6), 1)
    tell(member, 5, 7, now + timedelta(days=365))
    member.refresh_from_db()
    assert member.birthday == Birthday(5, 7)


def test_telling_it_again_changes_nothing(now):
    member = make_member()
    tell(member, 5, 6, now)
    assert tell(member, 5, 6, now + timedelta(days=1)) == Birthday(5, 6)
    member.refresh_from_db()
    assert (member.birthday_at, Event.objects.count()) == (now, 1)


def test_staff_correct_it_at_any_time_with_a_reason(now):
    member = make_member()
    tell(member, 5, 6, now)
    birthday_correct(
        member_id=member.pk,
        month=6,
        day=5,
        year=1990,
        reason="身份证",
        actor=Actor("user", "1"),
        now=now,
    )
    member.refresh_from_db()
    assert member.birthday == Birthday(6, 5, 1990)
    event = Event.objects.latest("pk")
    assert (event.reason, event.actor_kind) == ("身份证", "user")


def test_nobodys_and_no_birthday_are_refused(now):
    member = make_member()
    with pytest.raises(BirthdayInvalid):
        tell(member, 2, 30, now)
    member.pk = 0
    with pytest.raises(NotFound):
        tell(member, 2, 3, now)
    with pytest.raises(NotFound):
        birthday_correct(member_id=0, month=2, day=3, reason="", actor=SYSTEM, now=now)
    assert Member.objects.get().birthday is None
    assert Event.objects.count() == 0


def test_the_database_refuses_half_a_birthday(now):
    member = make_member()
    with pytest.raises(IntegrityError), transaction.atomic():
        Member.objects.filter(pk=member.pk).update(birth_month=5)


# --- its coming ----------------------------------------------------------------------------------


def test_it_comes_once_a_year(now):
    told_at = noon(2050, 5, 5)
    member = born(5, 6, told_at=told_at)
    born(5, 7, told_at=told_at)
    today = noon(2050, 5, 6)
    assert birthdays_notice(now=today) == 1
    assert birthdays_notice(now=today + timedelta(hours=1)) == 0
    come = MemberBirthday.objects.get()
    assert (come.member, come.year, come.created_at) == (member, 2050, today)
    event = Event.objects.get(kind="members.birthday")
    assert (event.subject_id, event.payload) == (member.pk, {"year": 2050, "policy_id": None})
    # Corrected to another day of this year, it does not come again.
    birthday_correct(member_id=member.pk, month=8, day=9, reason="", actor=SYSTEM, now=today)
    assert birthdays_notice(now=noon(2050, 8, 9)) == 0
    assert birthdays_notice(now=noon(2051, 8, 9)) == 1


def test_it_begins_at_midnight_in_shanghai(now):
    born(5, 6, told_at=noon(2050, 5, 5))
    midnight = datetime(2050, 5, 6, tzinfo=SHANGHAI)
    assert birthdays_notice(now=midnight - timedelta(seconds=1)) == 0
    assert birthdays_notice(now=midnight) == 1


def test_the_leap_day_comes_on_the_28th(now):
    born(2, 29, told_at=noon(2050, 1, 1))
    assert birthdays_notice(now=noon(2050, 2, 27)) == 0
    assert birthdays_notice(now=noon(2050, 2, 28)) == 1
    assert birthdays_notice(now=noon(2050, 3, 1)) == 0
    assert birthdays_notice(now=noon(2052, 2, 28)) == 0
    assert birthdays_notice(now=noon(2052, 2, 29)) == 1


def test_days_that_were_missed_are_made_up_for_across_the_year(now):
    born(12, 31, told_at=noon(2050, 1, 1))
    assert birthdays_notice(now=noon(2051, 1, 3)) == 0
    assert birthdays_notice(now=noon(2051, 1, 2)) == 1
    assert MemberBirthday.objects.get().year == 2050


def test_who_tells_it_on_the_day_has_it_next_year(now):
    born(5, 6, told_at=noon(2050, 5, 6))
    born(5, 5, told_at=noon(2050, 5, 6))
    assert birthdays_notice(now=noon(2050, 5, 6) + timedelta(hours=1)) == 0
    assert birthdays_notice(now=noon(2051, 5, 5)) == 1


def test_members_who_left_have_none(now):
    member = born(5, 6, told_at=noon(2050, 5, 5))
    Member.objects.filter(pk=member.pk).update(archived_at=now)
    assert birthdays_notice(now=noon(2050, 5, 6)) == 0


def test_many_come_in_pieces(now):
    for _n in range(5):
        born(5, 6, told_at=noon(2050, 5, 5))
    today = noon(2050, 5, 6)
    assert [birthdays_notice(now=today, limit=2) for _n in range(4)] == [2, 2, 1, 0]
    assert Event.objects.filter(kind="members.birthday").count() == 5


def test_who_agreed_to_messages_is_told(now):
    told, quiet = (
        born(5, 6, told_at=noon(2050, 5, 5), messages=agreed) for agreed in (True, False)
    )
    birthdays_notice(now=noon(2050, 5, 6))
    message = Message.objects.get()
    assert (message.member, message.template) == (told, "birthday")
    assert message.data == {"thing1": "生日快乐", "date2": "2050-05-06"}
    assert MemberBirthday.objects.filter(member=quiet).exists()


# --- what is given for it ------------------------------------------------------------------------


def tiers(gold=(), normal=()):
    publish_policy(
        kind="tiers",
        body={
            "v": 1,
            "fen_per_growth": 100,
            "window_days": 365,
            "period_days": 365,
            "grace_days": 30,
            "tiers": [
                {"code": "normal", "growth_from": 0, "birthday_coupons": list(normal)},
                {"code": "gold", "growth_from": 500, "birthday_coupons": list(gold)},
            ],
        },
        effective_from=noon(2020, 1, 1),
    )


def test_the_tier_decides_what_is_given(now, relayed):
    normal, gold = make_tier(code="normal"), make_tier(code="gold")
    cake, party = make_template(), make_template()
    tiers(gold=[cake.code, party.code], normal=[cake.code])
    yesterday, today = noon(2050, 5, 5), noon(2050, 5, 6)
    high = born(5, 6, told_at=yesterday, tier=gold)
    low = born(5, 6, told_at=yesterday, tier=normal)
    none = born(5, 6, told_at=yesterday)
    for _n in range(2):
        birthdays_notice(now=today)
        relayed(now)
    given = Coupon.objects.order_by("template__pk", "member__pk")
    assert list(given.values_list("template__code", "member__pk", "source_token")) == [
        *((cake.code, pk, "birthday:2050") for pk in sorted([high.pk, low.pk, none.pk])),
        (party.code, high.pk, "birthday:2050"),
    ]
    assert {coupon.source for coupon in given} == {"birthday"}


def test_a_coupon_that_is_gone_stops_nobody(now, relayed):
    for code in ("normal", "gold"):
        make_tier(code=code)
    gone, cake = make_template(quota=0), make_template()
    tiers(normal=["no-such", gone.code, cake.code])
    member = born(5, 6, told_at=noon(2050, 5, 5))
    birthdays_notice(now=noon(2050, 5, 6))
    relayed(now)
    assert Coupon.objects.get().template == cake
    assert Coupon.objects.get().member == member


# --- what it earns -------------------------------------------------------------------------------


def test_a_purchase_earns_more_on_a_birthday(now):
    def when(value):
        return {"v": 1, "all": [{"fact": "birthday", "op": "eq", "value": value}]}

    publish_policy(
        kind="points",
        body={
            "v": 2,
            "fen_per_point": 100,
            "expiry": {"kind": "never"},
            "min_days_after_return": 30,
            "rules": [
                {"when": when("day"), "rate_bp": 30_000},
                {"when": when("month"), "rate_bp": 20_000},
            ],
        },
        effective_from=noon(2020, 1, 1),
    )
    member, other = born(5, 6, told_at=noon(2050, 5, 1)), make_member()

    def settle(who, reference, base_fen, moment):
        line = PointsLine("0", base_fen)
        target = PointsTarget(who.pk, who.no, reference, base_fen, moment, [line])
        return points_settle([target], now=now)[reference]

    assert settle(member, "SO1", 10_000, noon(2050, 5, 6)) == 300
    assert settle(member, "SO2", 10_000, noon(2050, 5, 7)) == 200
    assert settle(member, "SO3", 10_000, noon(2050, 6, 6)) == 100
    assert settle(other, "SO4", 10_000, noon(2050, 5, 6)) == 100
    # A refund takes back at the rate at which was given, whatever the birthday is by now.
    birthday_correct(member_id=member.pk, month=9, day=9, reason="", actor=SYSTEM, now=now)
    assert settle(member, "SO1", 5_000, noon(2050, 5, 6)) == -150
