"""Input and output of quotes, orders, payments and after-sale. Amounts are integers of fen."""

from rest_framework import serializers

from config.kernel.api import rows
from mall.states import (
    AfterSaleKind,
    AfterSaleState,
    FulfilmentState,
    LineKind,
    OrderState,
    RefundState,
)
from stores.states import PickupState


class BasketLineInput(serializers.Serializer):
    sku = serializers.CharField(max_length=32)
    quantity = serializers.IntegerField(min_value=1, max_value=999)


class PointsLineInput(serializers.Serializer):
    offer = serializers.CharField(max_length=32, help_text="its code in the points shop")
    quantity = serializers.IntegerField(min_value=1, max_value=999)


class BasketInput(serializers.Serializer):
    """Goods at a store, one stored-value card, a membership, or the top-up of a card, alone or
    with goods."""

    store = serializers.CharField(max_length=32)
    lines = rows(BasketLineInput, required=False, default=list, max_length=100)
    card_product = serializers.CharField(
        max_length=32, required=False, allow_blank=True, default=""
    )
    topup_card = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="number of my card to be topped up by amount_fen; with use_card it then pays",
    )
    membership_plan = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="code of a membership to be bought, or another period of it",
    )
    amount_fen = serializers.IntegerField(
        min_value=1,
        max_value=500_000,
        required=False,
        allow_null=True,
        default=None,
        help_text="what is put on the card; empty for a card_product's own price",
    )
    coupons = serializers.ListField(
        child=serializers.CharField(max_length=32), required=False, default=list, max_length=10
    )
    best_coupons = serializers.BooleanField(
        required=False, default=False, help_text="choose the best of all coupons that I have"
    )
    use_card = serializers.BooleanField(required=False, default=False)
    card = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="pay with this card only",
    )
    card_fen = serializers.IntegerField(
        min_value=0, required=False, allow_null=True, default=None, help_text="at most this much"
    )
    use_points = serializers.BooleanField(
        required=False, default=False, help_text="pay with points as far as they go"
    )
    points = serializers.IntegerField(
        min_value=0,
        max_value=2_147_483_647,
        required=False,
        allow_null=True,
        default=None,
        help_text="at most so many, in whole steps",
    )
    points_lines = rows(PointsLineInput, required=False, default=list, max_length=20)


class DeliveryRegionInput(serializers.Serializer):
    adcode = serializers.RegexField(
        r"^[0-9]{6}$", help_text="of the county: nationalCode of wx.chooseAddress"
    )


class DeliveryInput(DeliveryRegionInput):
    """Where it is sent, as ``wx.chooseAddress`` gives it."""

    recipient = serializers.CharField(max_length=40)
    phone = serializers.RegexField(r"^\+?[0-9][0-9 -]{4,18}$")
    region = serializers.CharField(
        max_length=100,
        required=False,
        allow_blank=True,
        default="",
        help_text="province, city and county in words",
    )
    detail = serializers.CharField(max_length=200)


class QuoteInput(BasketInput):
    delivery = DeliveryRegionInput(
        required=False, allow_null=True, default=None, help_text="empty: collected at the store"
    )
    estimate_points = serializers.BooleanField(
        required=False, default=False, help_text="say what it would earn"
    )


class OrderInput(BasketInput):
    delivery = DeliveryInput(
        required=False, allow_null=True, default=None, help_text="empty: collected at the store"
    )
    quote_version = serializers.CharField(max_length=64)
    source_token = serializers.CharField(
        max_length=32, required=False, allow_blank=True, default=""
    )


class DiscountOutput(serializers.Serializer):
    kind = serializers.CharField()
    reference = serializers.CharField()
    title = serializers.CharField()
    amount_fen = serializers.IntegerField()


class QuoteLineOutput(serializers.Serializer):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(LineKind.choices)
    code = serializers.CharField()
    title = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    quantity = serializers.IntegerField()
    list_price_fen = serializers.IntegerField(help_text="a piece, everywhere")
    unit_price_fen = serializers.IntegerField(help_text="a piece at this store")
    price_fen = serializers.IntegerField(
        help_text="a piece after markdowns: for a time, for a tier, for new members"
    )
    is_gift = serializers.BooleanField()
    gross_fen = serializers.IntegerField()
    discounts = DiscountOutput(many=True)
    discount_fen = serializers.IntegerField()
    net_fen = serializers.IntegerField()
    bonus_fen = serializers.IntegerField(help_text="given on top of what is put on a card")
    membership_days = serializers.IntegerField(help_text="of a membership; otherwise 0")
    points_offer = serializers.CharField(help_text="of the points shop")
    points_price = serializers.IntegerField(help_text="points a piece, beside unit_price_fen")
    tenders_fen = serializers.ListField(
        child=serializers.IntegerField(), help_text="the line's net over the tenders, in order"
    )


class RefusedCouponOutput(serializers.Serializer):
    coupon = serializers.CharField()
    title = serializers.CharField()
    reason = serializers.CharField(
        help_text="threshold, scope, stacking, nothing, hours, store, budget or freight"
    )
    missing_fen = serializers.IntegerField(help_text="until its threshold")
    missing_pieces = serializers.IntegerField(help_text="until its threshold")
    worth_fen = serializers.IntegerField(help_text="what it would save by itself")
    instead = serializers.CharField(
        help_text="of stacking: the discount that it does not go with; otherwise empty"
    )
    instead_title = serializers.CharField()
    instead_fen = serializers.IntegerField(help_text="what that coupon saves; 0 of a promotion")
    message = serializers.CharField(help_text="the reason in words")


class HintOutput(serializers.Serializer):
    """So little more, and the promotion or coupon takes ``value`` off. Of kind ``freight``:
    delivery is free then, which costs ``value`` now."""

    kind = serializers.CharField()
    reference = serializers.CharField()
    title = serializers.CharField()
    missing_fen = serializers.IntegerField()
    missing_pieces = serializers.IntegerField()
    method = serializers.CharField(help_text="amount: value is fen; percent: basis points")
    value = serializers.IntegerField()
    message = serializers.CharField(help_text="the same in words")


class QuoteGiftOutput(serializers.Serializer):
    promotion = serializers.CharField()
    title = serializers.CharField()
    sku = serializers.CharField()
    quantity = serializers.IntegerField()
    given = serializers.BooleanField(help_text="false: the store has too few of it")


class TenderOutput(serializers.Serializer):
    kind = serializers.CharField(
        help_text="points, points_price, card_principal, card_bonus or wechat"
    )
    amount_fen = serializers.IntegerField()
    points = serializers.IntegerField(help_text="how many; a points_price pays no fen")
    card = serializers.CharField()


class PointsOptionsOutput(serializers.Serializer):
    free_points = serializers.IntegerField(help_text="mine, beside the points_price of lines")
    most_points = serializers.IntegerField(help_text="that this basket takes")
    step_points = serializers.IntegerField(help_text="0 where points pay for nothing")
    fen_per_point = serializers.IntegerField()


class QuoteOutput(serializers.Serializer):
    version = serializers.CharField(help_text="send it back to place exactly this")
    store = serializers.CharField()
    lines = QuoteLineOutput(many=True)
    discounts = DiscountOutput(many=True)
    gifts = QuoteGiftOutput(many=True)
    refused_coupons = RefusedCouponOutput(many=True)
    hints = HintOutput(many=True)
    gross_fen = serializers.IntegerField()
    discount_fen = serializers.IntegerField()
    freight_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()
    tenders = TenderOutput(many=True)
    points = serializers.IntegerField(help_text="all that it takes")
    points_fen = serializers.IntegerField(help_text="paid by points")
    card_fen = serializers.IntegerField()
    to_pay_fen = serializers.IntegerField(help_text="left for WeChat Pay")
    points_options = PointsOptionsOutput(
        allow_null=True, help_text="null unless the basket has use_points, points or points_lines"
    )
    points_to_earn = serializers.IntegerField(
        allow_null=True, help_text="once it is paid; null unless asked with estimate_points"
    )
    best_is_proven = serializers.BooleanField(
        help_text="no other choice of these coupons is cheaper"
    )
    region = serializers.CharField(help_text="adcode it is sent to; empty: collected")
    stock = serializers.DictField(child=serializers.IntegerField(), help_text="SKU → available")


class OrderPlacedOutput(serializers.Serializer):
    no = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)
    total_fen = serializers.IntegerField()
    to_pay_fen = serializers.IntegerField()
    expires_at = serializers.DateTimeField()


class OrderRowOutput(serializers.Serializer):
    no = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)
    total_fen = serializers.IntegerField()
    store_name = serializers.CharField(source="store__name")
    placed_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)


class StoreRefOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class OrderLineOutput(serializers.Serializer):
    position = serializers.IntegerField()
    kind = serializers.ChoiceField(LineKind.choices)
    sku = serializers.CharField()
    title = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    quantity = serializers.IntegerField()
    unit_price_fen = serializers.IntegerField()
    gross_fen = serializers.IntegerField()
    discounts = DiscountOutput(many=True)
    discount_fen = serializers.IntegerField()
    net_fen = serializers.IntegerField()
    bonus_fen = serializers.IntegerField(help_text="given on top of what is put on a card")
    membership_days = serializers.IntegerField(help_text="of a membership; otherwise 0")
    points_price = serializers.IntegerField(help_text="points a piece, beside unit_price_fen")
    refunded_quantity = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()


class RefundOutput(serializers.Serializer):
    no = serializers.CharField()
    amount_fen = serializers.IntegerField()
    points = serializers.IntegerField()
    state = serializers.ChoiceField(RefundState.choices)
    to = serializers.CharField(help_text="the tender it goes back to")
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)


class AfterSaleLineInput(serializers.Serializer):
    position = serializers.IntegerField(min_value=0)
    quantity = serializers.IntegerField(min_value=1)


class AfterSaleInput(serializers.Serializer):
    kind = serializers.ChoiceField(AfterSaleKind.choices, default=AfterSaleKind.RETURN)
    reason = serializers.CharField(max_length=200)
    lines = AfterSaleLineInput(many=True, allow_empty=False)


class AfterSaleOutput(serializers.Serializer):
    no = serializers.CharField()
    kind = serializers.ChoiceField(AfterSaleKind.choices)
    state = serializers.ChoiceField(AfterSaleState.choices)
    reason = serializers.CharField()
    decision = serializers.CharField()
    created_at = serializers.DateTimeField()
    done_at = serializers.DateTimeField(allow_null=True)
    lines = AfterSaleLineInput(many=True)


class PickupOutput(serializers.Serializer):
    no = serializers.CharField()
    state = serializers.ChoiceField(PickupState.choices)
    token = serializers.CharField(help_text="show it as a QR code")
    digits = serializers.CharField(help_text="said together with the last four of the phone")
    ready_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)
    collected_at = serializers.DateTimeField(allow_null=True)


class DeliveryOutput(serializers.Serializer):
    state = serializers.ChoiceField(
        FulfilmentState.choices, help_text="pending, shipped, delivered, returned or cancelled"
    )
    recipient = serializers.CharField(help_text="empty, like the address, once it was erased")
    phone = serializers.CharField()
    adcode = serializers.CharField()
    region = serializers.CharField()
    detail = serializers.CharField()
    carrier = serializers.CharField()
    tracking_no = serializers.CharField()
    shipped_at = serializers.DateTimeField(allow_null=True)
    deliver_by = serializers.DateTimeField(
        allow_null=True, help_text="counts as delivered then, unless I say so before"
    )
    delivered_at = serializers.DateTimeField(allow_null=True)


class OrderOutput(serializers.Serializer):
    no = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)
    store = StoreRefOutput()
    gross_fen = serializers.IntegerField()
    discount_fen = serializers.IntegerField()
    freight_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()
    points = serializers.IntegerField(help_text="all that it takes")
    points_fen = serializers.IntegerField(help_text="paid by points")
    refunded_fen = serializers.IntegerField()
    placed_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    paid_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    transaction_ids = serializers.ListField(child=serializers.CharField())
    lines = OrderLineOutput(many=True)
    tenders = TenderOutput(many=True)
    refunds = RefundOutput(many=True)
    after_sales = AfterSaleOutput(many=True)
    pickup = PickupOutput(allow_null=True)
    delivery = DeliveryOutput(allow_null=True, help_text="null for what is collected")


class PayInput(serializers.Serializer):
    app_id = serializers.CharField(max_length=32, help_text="the mini-program that asks")


class PayOutput(serializers.Serializer):
    payment = serializers.CharField()
    amount_fen = serializers.IntegerField()
    params = serializers.DictField(
        child=serializers.CharField(), help_text="hand these to wx.requestPayment"
    )


class ReceivedInput(serializers.Serializer):
    """Nothing to say but that."""


class CancelInput(serializers.Serializer):
    reason = serializers.CharField(max_length=200, required=False, default="by the member")


class CancelOutput(serializers.Serializer):
    no = serializers.CharField()
    state = serializers.ChoiceField(OrderState.choices)


class NotifyOutput(serializers.Serializer):
    code = serializers.ChoiceField([("SUCCESS", "SUCCESS"), ("FAIL", "FAIL")])
    message = serializers.CharField()
