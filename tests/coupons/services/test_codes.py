"""Codes that become coupons: pools, shared codes, how they may be typed."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict
from config.kernel.numbers import code_shown
from coupons.guards import ClaimClosed, PerMemberLimit, QuotaExhausted
from coupons.models import CodePool, Coupon, RedeemCode
from coupons.redeem_codes import code_hash, code_plain, redeem_code
from coupons.services.code_pool import (
    CodePoolInvalid,
    SharedCodeTaken,
    code_pool_create,
    code_pool_import,
    code_pool_make,
    code_pool_stop,
)
from coupons.services.code_redeem import RedeemCodeUnknown, RedeemCodeUsed, code_redeem
from tests.factories import make_member, make_template

pytestmark = pytest.mark.django_db


def pool_of(count, now, **kwargs):
    template = kwargs.pop("template", None) or make_template(public=False, per_member=9)
    return code_pool_create(template_id=template.pk, name="团购", count=count, now=now, **kwargs)


def redeem(typed, member, now):
    return code_redeem(typed=typed, member_id=member.pk, actor=Actor.member(member.pk), now=now)


def test_a_code_is_a_coupon_once(now):
    pool = pool_of(3, now)
    assert [code_pool_make(pool_id=pool.pk, limit=2) for _n in range(3)] == [2, 1, 0]
    code, member = redeem_code(pool.no, 2), make_member()

    claimed = redeem(code, member, now)

    coupon = Coupon.objects.get(pk=claimed.pk)
    assert (coupon.member, coupon.source, coupon.source_token) == (member, "code", pool.no)
    row = RedeemCode.objects.get(serial=2)
    assert (row.coupon, row.used_at) == (coupon, now)
    with pytest.raises(RedeemCodeUsed):
        redeem(code, make_member(), now)
    assert Coupon.objects.count() == 1


def test_only_hashes_of_codes_are_kept(now):
    pool = pool_of(1, now)
    code_pool_make(pool_id=pool.pk)

    assert RedeemCode.objects.get().code_hash == code_hash(redeem_code(pool.no, 1))
    assert len(redeem_code(pool.no, 1)) == 16
    assert redeem_code(pool.no, 1) != redeem_code(pool.no, 2)


@pytest.mark.parametrize(
    "typed", ["o1l-0i7", " 0 1 1 0 1 7 ", "OIL017", "ｏ１ｌ－０ｉ７", "01—1017"]
)
def test_letters_that_look_alike_are_one_code(typed):
    assert code_plain(typed) == "011017"


@pytest.mark.parametrize("typed", ["", "ABC", "A" * 33, "券券券券", "AB\x00CD", "A_B"])
def test_what_is_no_code(typed):
    assert code_plain(typed) is None


def test_a_shared_code_is_for_everybody_within_limits(now):
    template = make_template(public=False, per_member=1, quota=2)
    pool_of(0, now, template=template, shared_code="spring-lo")
    first, second, third = (make_member() for _n in range(3))

    redeem("SPRING-10", first, now)
    with pytest.raises(PerMemberLimit):
        redeem("spring lo", first, now)
    redeem("Spr1ng10", second, now)
    with pytest.raises(QuotaExhausted):
        redeem("spring10", third, now)

    assert Coupon.objects.filter(source="code").count() == 2
    with pytest.raises(SharedCodeTaken):
        pool_of(0, now, shared_code="SPRING10")


@pytest.mark.parametrize(
    "shape",
    [
        {"count": 0},
        {"count": 1_000_001},
        {"count": 1, "shared_code": "SPRING"},
        {"count": 0, "shared_code": "券"},
    ],
)
def test_pools_that_make_no_sense(now, shape):
    with pytest.raises(CodePoolInvalid):
        pool_of(shape["count"], now, shared_code=shape.get("shared_code", ""))
    assert CodePool.objects.count() == 0


def test_codes_of_others_are_imported_and_refused_one_by_one(now):
    pool = pool_of(3, now, imported=True)

    refused = code_pool_import(pool_id=pool.pk, codes=["VIP-001", "vip0O1", "!", "VIP-002"])
    more = code_pool_import(pool_id=pool.pk, codes=["VIP-001", "VIP-003", "VIP-004"])

    assert refused == [(1, "taken"), (2, "code")]
    assert more == [(0, "taken"), (2, "full")]
    pool.refresh_from_db()
    assert (pool.made, RedeemCode.objects.count()) == (3, 3)
    assert redeem("vip 003", make_member(), now)


def test_a_code_is_good_while_its_pool_and_template_are(now):
    template = make_template(public=False, claim_until=now + timedelta(days=3))
    pool = pool_of(2, now, template=template, valid_until=now + timedelta(days=1))
    code_pool_make(pool_id=pool.pk)
    code, member = redeem_code(pool.no, 1), make_member()

    with pytest.raises(RedeemCodeUnknown):
        redeem(code, member, now + timedelta(days=1))
    CodePool.objects.update(valid_until=None)
    with pytest.raises(ClaimClosed):
        redeem(code, member, now + timedelta(days=3))
    code_pool_stop(pool_id=pool.pk, reason="leaked", actor=SYSTEM, now=now)
    with pytest.raises(RedeemCodeUnknown):
        redeem(code, member, now)
    with pytest.raises(Conflict):
        code_pool_stop(pool_id=pool.pk, reason="leaked", actor=SYSTEM, now=now)

    assert RedeemCode.objects.filter(coupon__isnull=False).count() == Coupon.objects.count() == 0


def test_a_code_is_shown_in_groups():
    assert code_shown("ABCDEFGH") == "ABCD-EFGH"
