"""What hangs on the card and the points of a sale, written by hand; and the store's terminal."""

from datetime import timedelta

from config.kernel.models import PolicyVersion
from mall.models import PosRefund, PosRefundLine, PosTender, PosTicket, StoreSale
from members.models import (
    CardActivation,
    CardAlert,
    CardBatch,
    CardGift,
    CardIdentity,
    CardPayback,
    CardPaybackLine,
    GrowthEntry,
    Membership,
    MembershipPlan,
    MemberTag,
    MemberTier,
    PointHold,
    PointHoldLine,
    Tag,
    TopUpOffer,
    TopUpOfferUse,
)
from stores.models import Account, Terminal


def hang_on_card(sale, n, now) -> None:
    card, member = sale.card, sale.member
    CardGift.objects.create(
        no=f"GIFT{n:06d}",
        card=card,
        giver=member,
        token=f"gift-token-{n}",
        state="taken_back",
        value_fen=55_000,
        offered_at=now,
        expires_at=now + timedelta(days=3),
        ended_at=now,
    )
    payback = CardPayback.objects.create(
        no=f"BACK{n:06d}",
        card=card,
        member=member,
        reason="不用了",
        rule="withdraw",
        amount_fen=1_000,
        withdrawn_fen=100,
        charged_fen=0,
        created_at=now,
    )
    CardPaybackLine.objects.create(
        payback=payback,
        lot=card.lots.get(),
        way="transfer",
        reference=f"TOP{n}",
        amount_fen=1_000,
        withdrawn_fen=100,
        charged_fen=0,
    )
    CardAlert.objects.create(
        kind="spending",
        key=f"spending:{n}",
        card=card,
        member=member,
        figure=9,
        found_at=now,
    )
    identity = CardIdentity.objects.create(
        member=member,
        kind="person",
        name_sealed="sealed",
        number_sealed="sealed",
        fingerprint=f"{n:064d}",
        masked="王* 1101**********0011",
        recorded_at=now,
        keep_until=now + timedelta(days=1830),
    )
    _sales(sale, n, now, identity)
    tag = Tag.objects.create(code=f"tag{n}", name=f"标签{n}", operator=sale.operator)
    MemberTag.objects.create(member=member, tag=tag, since=now)
    hold = PointHold.objects.create(
        member=member,
        reference=f"PHOLD{n}",
        points=1,
        state="open",
        created_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    PointHoldLine.objects.create(hold=hold, lot=member.point_lots.get(), points=1)
    GrowthEntry.objects.create(
        member=member,
        reference=f"TOP{n}",
        key=f"growth{n}",
        growth=500,
        occurred_at=now,
        created_at=now,
    )
    MemberTier.objects.create(
        member=member,
        tier=member.tier,
        cause="upgrade",
        growth=500,
        policy=PolicyVersion.objects.create(kind="tiers", version=n, body={"v": 1}, created_at=now),
        since=now,
    )
    plan = MembershipPlan.objects.create(
        code=f"plan{n}", name="年卡", operator=sale.operator, price_fen=9_900, days=365
    )
    Membership.objects.create(
        member=member,
        plan=plan,
        reference=f"PLAN{n}",
        key=f"plan{n}",
        price_fen=9_900,
        since=now,
        until=now + timedelta(days=365),
        created_at=now,
    )
    terminal = Terminal.objects.create(
        no=f"TM{n:08d}",
        store=sale.store,
        name="收银台",
        key_hash=f"{n:064d}",
        scopes=["look", "pay"],
        created_at=now,
        rotated_at=now,
    )
    _ticket(sale, n, now, terminal)


def _sales(sale, n, now, identity) -> None:
    product = sale.card.product
    sale.batch = CardBatch.objects.create(
        no=f"CB{n:06d}",
        product=product,
        operator=sale.operator,
        account=Account.objects.create(
            code=f"card.batch:{n}", operator=sale.operator, guarded=True, balance=20_000
        ),
        count=2,
        principal_fen=10_000,
        bonus_fen=0,
        payer="company",
        way="transfer",
        identity=identity,
        reference=f"CONTRACT{n}",
        key=f"batch{n}",
        made=1,
        sold_at=now,
    )
    CardActivation.objects.create(batch=sale.batch, serial=1, code_hash=f"{n:064d}", state="open")
    offer = TopUpOffer.objects.create(
        code=f"offer{n}",
        name="充一千送一百",
        operator=sale.operator,
        steps=[{"from_fen": 100_000, "bonus_fen": 10_000}],
        starts_at=now,
    )
    sale.topup_use = TopUpOfferUse.objects.create(
        offer=offer,
        member=sale.member,
        key=f"use{n}",
        principal_fen=100_000,
        bonus_fen=10_000,
        once=False,
        taken_at=now,
    )


def _ticket(sale, n, now, terminal) -> None:
    StoreSale.objects.create(
        no=f"DS{n:06d}",
        terminal=terminal,
        ticket_no=f"S{n}",
        store=sale.store,
        operator=sale.operator,
        sold_by="user:1",
        created_at=now,
        voided_at=now,
    )
    ticket = PosTicket.objects.create(
        no=f"PT{n:06d}",
        terminal=terminal,
        ticket_no=f"T{n}",
        store=sale.store,
        operator=sale.operator,
        member=sale.member,
        state="paid",
        total_fen=5_000,
        card_fen=3_000,
        refunded_fen=1_000,
        created_at=now,
        paid_at=now,
    )
    tender = PosTender.objects.create(
        ticket=ticket,
        position=1,
        kind="card_principal",
        account=sale.principal,
        card_no=sale.card.no,
        amount_fen=3_000,
        refunded_fen=1_000,
    )
    refund = PosRefund.objects.create(
        no=f"PR{n:06d}",
        ticket=ticket,
        refund_no=f"R{n}",
        amount_fen=1_000,
        other_fen=0,
        created_at=now,
    )
    PosRefundLine.objects.create(refund=refund, tender=tender, amount_fen=1_000)
