"""What hangs on the coupon of a sale and on its template, written by hand."""

from datetime import timedelta

from config.kernel import clock
from coupons.models import (
    ClaimDecision,
    CodePool,
    CouponGift,
    CouponTicket,
    CouponTicketReturn,
    QuotaAlert,
    RedeemCode,
)
from guides.models import CouponAllowance, CouponHandout


def hang_on_coupon(sale, n, now) -> None:
    pool = CodePool.objects.create(
        no=f"POOL{n:06d}",
        template=sale.template,
        name="团购",
        kind="unique",
        count=1,
        made=1,
        created_at=now,
    )
    RedeemCode.objects.create(
        pool=pool, serial=1, code_hash=f"{n:064d}", coupon=sale.coupon, used_at=now
    )
    CouponGift.objects.create(
        no=f"GC{n:06d}",
        coupon=sale.coupon,
        giver=sale.member,
        token=f"coupon-gift-{n}",
        state="taken_back",
        offered_at=now,
        expires_at=now + timedelta(days=3),
        ended_at=now,
    )
    ticket = CouponTicket.objects.create(
        no=f"CT{n:06d}",
        ticket_no=f"TICKET{n}",
        store=sale.store,
        operator=sale.operator,
        member=sale.member,
        redeemed_by="user:1",
        state="redeemed",
        gross_fen=5_000,
        discount_fen=2_000,
        returned_gross_fen=1_000,
        returned_discount_fen=400,
        request_hash="x",
        redeemed_at=now,
    )
    CouponTicketReturn.objects.create(
        ticket=ticket, return_no="R1", gross_fen=1_000, discount_fen=400, created_at=now
    )
    ClaimDecision.objects.create(
        no=f"J{n:06d}",
        template=sale.template,
        member=sale.member,
        source="claim",
        verdict="allow",
        score=0,
        facts={"claim_phone": 1},
        decided_at=now,
        coupon=sale.coupon,
    )
    QuotaAlert.objects.create(
        template=sale.template,
        step_percent=100,
        day=clock.local_date(now),
        claims=3,
        planned=2,
        found_at=now,
    )


def hand_out(sale, now) -> None:
    allowance = CouponAllowance.objects.create(
        template=sale.template, operator=sale.operator, period="month", per_guide=10
    )
    CouponHandout.objects.create(
        allowance=allowance,
        guide=sale.guide,
        member=sale.member,
        coupon=sale.coupon,
        since=clock.local_date(now),
        given_at=now,
    )
