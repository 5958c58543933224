"""A few rows of everything the admin shows, written by hand: pages are looked at, not sold from."""

from datetime import timedelta
from itertools import count

from django.contrib.auth.models import Group

from config.kernel import clock
from config.kernel.actors import SYSTEM, Actor
from config.kernel.approvals import approval_request
from config.kernel.codes import code_issue
from config.kernel.events import record
from config.kernel.models import Batch, EventDelivery, PolicyVersion, Session
from coupons.models import Coupon, Redemption
from guides.models import Attribution, CommissionEntry, Touch
from mall.events import OrderPlaced
from mall.models import (
    Adjustment,
    AfterSale,
    AfterSaleLine,
    DiscountDraft,
    Fulfilment,
    Notification,
    Order,
    OrderLine,
    Payment,
    Refund,
    RefundAllocation,
    Reservation,
    Review,
    Tender,
    TenderAllocation,
)
from members.models import Card, CardHold, CardHoldLine, CardLot, Message, PointLot
from stores.models import Account, Pickup, Seal, Transfer
from tests.factories import (
    make_basket,
    make_binding,
    make_brand,
    make_card_product,
    make_category,
    make_guide,
    make_member,
    make_offer,
    make_operator,
    make_points_offer,
    make_product,
    make_promotion,
    make_region,
    make_staff,
    make_stock,
    make_store,
    make_template,
    make_tier,
    make_user,
    moment,
)
from tests.kernel.admin.world_cards import hang_on_card
from tests.kernel.admin.world_coupons import hand_out, hang_on_coupon

_numbers = count(1)


class Sale:
    """One order with everything that can hang on it, at a store of its own operator."""

    def __init__(self, *, operator=None, store=None, state: str = "placed") -> None:
        n = self.n = next(_numbers)
        now = moment()
        self.operator = operator or make_operator()
        self.store = store or make_store(operator=self.operator, region=make_region())
        self.clerk = make_staff(store=self.store)
        self.member = make_member(tier=make_tier(), home_store=self.store)
        self.guide = make_guide(store=self.store)
        self.product = make_product(
            skus=[10_000], brand=make_brand(), category=make_category(parent=make_category())
        )
        self.sku = self.product.skus.get()
        self._value(n, now)
        hang_on_card(self, n, now)
        self._order(n, now, state)
        self._marketing(n, now)
        self._guides(now)
        hand_out(self, now)
        self._kernel(n, now)
        self._approval(now)

    def _account(self, code: str, **fields) -> Account:
        return Account.objects.create(code=code, operator=self.operator, **fields)

    def _value(self, n, now) -> None:
        product = make_card_product(operator=self.operator)
        self.card = Card.objects.create(
            no=f"CARD{n:06d}",
            product=product,
            operator=self.operator,
            member=self.member,
            state="active",
            issued_at=now,
        )
        self.principal = self._account(f"card.p:{n}", guarded=True, balance=50_000, held=2_000)
        bonus = self._account(f"card.b:{n}", guarded=True, balance=5_000)
        lot = CardLot.objects.create(
            card=self.card,
            principal=self.principal,
            bonus=bonus,
            limit_fen=product.limit_fen,
            reference=f"TOP{n}",
            key=f"lot{n}",
            created_at=now,
        )
        hold = CardHold.objects.create(
            card=self.card,
            reference=f"HOLD{n}",
            state="open",
            created_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        CardHoldLine.objects.create(hold=hold, lot=lot, account=self.principal, amount_fen=2_000)
        self.transfer = Transfer.objects.create(
            debit=self._account(f"wechat:{n}"),
            credit=self.principal,
            amount=50_000,
            code="card_issue",
            key=f"transfer{n}",
            reference=f"TOP{n}",
            occurred_at=now,
        )
        Seal.objects.create(
            period=clock.local_date(now) - timedelta(days=n),
            count=1,
            hash=f"{n:064d}",
            sealed_at=now,
        )
        PointLot.objects.create(
            member=self.member,
            reference=f"TOP{n}",
            key=f"points{n}",
            earned_points=10,
            remaining_points=10,
            earned_at=now,
            expires_at=now + timedelta(days=365),
        )

    def _order(self, n, now, state) -> None:
        self.stock = make_stock(store=self.store, sku=self.sku)
        make_offer(store=self.store, sku=self.sku, price_fen=9_000)
        paid = state in ("paid", "completed", "closed")
        self.order = Order.objects.create(
            no=f"ORDER{n:06d}",
            member=self.member,
            operator=self.operator,
            store=self.store,
            channel="mini_program",
            state=state,
            gross_fen=20_000,
            discount_fen=1_000,
            total_fen=19_000,
            placed_at=now,
            expires_at=now + timedelta(minutes=15),
            paid_at=now if paid else None,
            completed_at=now if state == "completed" else None,
        )
        self.line = OrderLine.objects.create(
            order=self.order,
            position=1,
            kind="goods",
            sku=self.sku,
            title=self.product.name,
            quantity=2,
            unit_price_fen=10_000,
            gross_fen=20_000,
            discount_fen=1_000,
            net_fen=19_000,
        )
        Adjustment.objects.create(
            line=self.line, kind="promotion", reference="pr1", title="满减", amount_fen=1_000
        )
        stored = Tender.objects.create(
            order=self.order,
            position=1,
            kind="card_principal",
            amount_fen=2_000,
            account=self.principal,
            card_no=self.card.no,
        )
        wechat = Tender.objects.create(
            order=self.order, position=2, kind="wechat", amount_fen=17_000
        )
        for tender in (stored, wechat):
            TenderAllocation.objects.create(
                line=self.line, tender=tender, amount_fen=tender.amount_fen
            )
        self.payment = Payment.objects.create(
            no=f"PAY{n:06d}",
            order=self.order,
            operator=self.operator,
            mchid="1900000001",
            appid="wx0000000000mall01",
            payer_openid=f"openid-{n}",
            amount_fen=17_000,
            state="pending",
            created_at=now,
            expires_at=now + timedelta(minutes=15),
        )
        Notification.objects.create(
            gateway_id=f"notify-{n}",
            mchid="1900000001",
            event_type="TRANSACTION.SUCCESS",
            resource={"out_trade_no": self.payment.no},
            received_at=now,
        )
        self.after_sale = AfterSale.objects.create(
            no=f"AFTER{n:06d}",
            order=self.order,
            kind="return",
            state="requested",
            reason="不合适",
            created_at=now,
        )
        AfterSaleLine.objects.create(after_sale=self.after_sale, line=self.line, quantity=1)
        self.refund = Refund.objects.create(
            no=f"REFUND{n:06d}",
            order=self.order,
            operator=self.operator,
            after_sale=self.after_sale,
            tender=wechat,
            payment=self.payment,
            amount_fen=8_500,
            state="failed",
            reason="return",
            created_at=now,
        )
        RefundAllocation.objects.create(refund=self.refund, line=self.line, amount_fen=8_500)
        self.pickup = Pickup.objects.create(
            no=f"PICK{n:06d}",
            order_no=self.order.no,
            store=self.store,
            state="awaiting",
            code_hash=f"{n:064d}",
            digits=f"{n:08d}",
            phone_tail=self.member.phone[-4:],
            created_at=now,
        )
        Fulfilment.objects.create(
            order=self.order,
            kind="pickup",
            store=self.store,
            state="pending",
            pickup_no=self.pickup.no,
            created_at=now,
            updated_at=now,
        )
        Reservation.objects.create(
            stock=self.stock, line=self.line, quantity=2, state="open", created_at=now
        )
        Review.objects.create(
            product=self.product, member=self.member, stars=5, text="好", created_at=now
        )

    def _marketing(self, n, now) -> None:
        make_promotion(operator=self.operator)
        DiscountDraft.objects.create(
            kind="promotion", operator=self.operator, created_by=make_user(), updated_at=now
        )
        make_points_offer(self.sku, operator=self.operator)
        self.template = make_template(operator=self.operator)
        self.coupon = Coupon.objects.create(
            no=f"COUPON{n:06d}",
            template=self.template,
            member=self.member,
            nth=1,
            state="claimed",
            valid_from=now,
            valid_until=now + timedelta(days=30),
            claimed_at=now,
        )
        Redemption.objects.create(
            coupon=self.coupon,
            channel="mall",
            reference=self.order.no,
            amount_fen=1_000,
            key=f"redeem{n}",
            redeemed_at=now,
        )
        hang_on_coupon(self, n, now)
        Message.objects.create(
            member=self.member,
            template="order_paid",
            key=f"message{n}",
            reference=self.order.no,
            state="pending",
            created_at=now,
            next_attempt_at=now,
        )

    def _guides(self, now) -> None:
        make_binding(member=self.member, guide=self.guide)
        make_basket(
            guide=self.guide, store=self.store, member=self.member, lines=[(self.sku, 1)], now=now
        )
        self.code = code_issue(purpose="guide", owner_type="guide", owner_id=self.guide.pk, now=now)
        Touch.objects.create(
            member=self.member,
            guide=self.guide,
            code=self.code,
            product_code=self.product.code,
            store=self.store,
            occurred_at=now,
        )
        policy = PolicyVersion.objects.create(
            kind="attribution", version=self.n, body={"v": 1}, created_at=now
        )
        attribution = Attribution.objects.create(
            line=self.line,
            role="opening",
            guide=self.guide,
            basis_points=10_000,
            evidence={"touch": 1},
            policy=policy,
            plan=policy,
            rate_bp=300,
            frozen_at=now,
        )
        CommissionEntry.objects.create(
            attribution=attribution,
            guide=self.guide,
            amount_fen=570,
            base_fen=19_000,
            pot_fen=570,
            key=f"entry{self.n}",
            occurred_at=now,
        )

    def _kernel(self, n, now) -> None:
        event = OrderPlaced(
            subject_id=self.order.pk, member_id=self.member.pk, to_state=self.order.state
        )
        [event_id] = record([event], actor=SYSTEM, now=now)
        EventDelivery.objects.create(event_id=event_id, consumer="test", delivered_at=now)
        Batch.objects.create(
            kind="catalogue", source=f"file{n}.csv", started_by=self.clerk, started_at=now
        )
        Group.objects.create(name=f"group{n}")
        Session.objects.create(
            session_key=f"session-{n}",
            session_data="",
            expire_date=now + timedelta(days=1),
            user=self.clerk,
        )

    def _approval(self, now) -> None:
        self.approval = approval_request(
            kind="mall.refund",
            subject_type="mall.aftersale",
            subject_id=self.after_sale.pk,
            amount_fen=9_500,
            operator_id=self.operator.pk,
            store_id=self.store.pk,
            reason="不合适",
            actor=Actor.user(self.clerk),
            now=now,
        )
