"""Input and output of tills. Amounts are integers of fen."""

from rest_framework import serializers

from config.kernel.api import rows
from coupons.states import TicketState
from mall.api.serializers import HintOutput, RefusedCouponOutput
from mall.services.quote import MAX_FEN
from mall.states import DiscountKind, PosTicketState, TenderKind

_NUMBER = r"^[0-9A-Za-z_-]+$"


class ScanInput(serializers.Serializer):
    code = serializers.CharField(max_length=64, help_text="as scanned or typed: QR or bar code")


class TillMemberOutput(serializers.Serializer):
    no = serializers.CharField()
    nickname = serializers.CharField()
    phone_tail = serializers.CharField(help_text="the last four digits")
    tier = serializers.CharField()
    points = serializers.IntegerField()


class TillCardOutput(serializers.Serializer):
    no = serializers.CharField()
    name = serializers.CharField()
    principal_fen = serializers.IntegerField()
    bonus_fen = serializers.IntegerField()
    spendable_fen = serializers.IntegerField()


class TillCouponOutput(serializers.Serializer):
    no = serializers.CharField()
    name = serializers.CharField()
    threshold_fen = serializers.IntegerField()
    valid_until = serializers.DateTimeField()


class ScanOutput(serializers.Serializer):
    visit = serializers.CharField(help_text="stands for the code from now on; pays once")
    valid_until = serializers.DateTimeField()
    member = TillMemberOutput()
    cards = TillCardOutput(many=True, help_text="those that pay here, in the order they pay")
    coupons = TillCouponOutput(many=True, help_text="those that stores take")


class TillLineInput(serializers.Serializer):
    sku = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=120, required=False, allow_blank=True, default="")
    quantity = serializers.IntegerField(min_value=1, max_value=999)
    unit_price_fen = serializers.IntegerField(
        min_value=0,
        max_value=MAX_FEN,
        required=False,
        allow_null=True,
        default=None,
        help_text="the till's price; without it the store's for the SKU",
    )
    promotions = serializers.BooleanField(
        required=False,
        default=True,
        help_text="false: the price is final, no promotion works on the line or counts it",
    )


def _with_promotions() -> serializers.BooleanField:
    return serializers.BooleanField(
        required=False,
        default=False,
        help_text="apply promotions whose channels name stores; without it the prices have all in",
    )


class TillQuoteInput(serializers.Serializer):
    visit = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    lines = rows(TillLineInput, allow_empty=False, max_length=200)
    coupons = serializers.ListField(
        child=serializers.CharField(max_length=32), required=False, default=list, max_length=10
    )
    card = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    with_promotions = _with_promotions()


class TillLineDiscountOutput(serializers.Serializer):
    kind = serializers.ChoiceField(DiscountKind.choices)
    reference = serializers.CharField(help_text="the promotion's code or the coupon's number")
    title = serializers.CharField()
    amount_fen = serializers.IntegerField()


class TillQuoteLineOutput(serializers.Serializer):
    sku = serializers.CharField()
    title = serializers.CharField()
    quantity = serializers.IntegerField()
    unit_price_fen = serializers.IntegerField()
    price_fen = serializers.IntegerField(help_text="of a piece, when it is marked down")
    discounts = TillLineDiscountOutput(many=True)
    discount_fen = serializers.IntegerField()
    net_fen = serializers.IntegerField()


class TillDiscountOutput(TillLineDiscountOutput):
    coupon = serializers.CharField(
        allow_blank=True, help_text="its number, empty for a promotion's"
    )
    words = serializers.CharField(help_text="what it gives, and from what on")


class TillGiftOutput(serializers.Serializer):
    """To be handed out beside the sale: it is on no line and costs nothing. Whether there is one
    is for the till's stock to say."""

    promotion = serializers.CharField()
    title = serializers.CharField()
    sku = serializers.CharField()
    name = serializers.CharField(allow_blank=True)
    quantity = serializers.IntegerField()


class RedemptionPreviewOutput(serializers.Serializer):
    lines = TillQuoteLineOutput(many=True)
    discounts = TillDiscountOutput(many=True)
    gifts = TillGiftOutput(many=True)
    hints = HintOutput(many=True, help_text="so little more, and a promotion takes more off")
    refused_coupons = RefusedCouponOutput(many=True)
    gross_fen = serializers.IntegerField()
    promotion_fen = serializers.IntegerField(help_text="of the discount, what promotions take")
    discount_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()


class TillQuoteOutput(RedemptionPreviewOutput):
    card_available_fen = serializers.IntegerField(help_text="spendable here by this member")
    card_fen = serializers.IntegerField(help_text="what cards can pay of the total")
    to_pay_fen = serializers.IntegerField(help_text="what is left for the till to collect")


class TicketLineInput(serializers.Serializer):
    """For the receipt and for whoever looks the ticket up; the nets add up to the total."""

    code = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    title = serializers.CharField(max_length=120)
    quantity = serializers.IntegerField(min_value=1, max_value=999)
    net_fen = serializers.IntegerField(min_value=0, max_value=MAX_FEN)


class TicketInput(serializers.Serializer):
    ticket_no = serializers.RegexField(
        _NUMBER, max_length=32, help_text="the till's own, never used before by this terminal"
    )
    visit = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    code = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="instead of a visit: scan and pay in one step",
    )
    total_fen = serializers.IntegerField(min_value=1, max_value=MAX_FEN)
    card_fen = serializers.IntegerField(
        min_value=1,
        max_value=MAX_FEN,
        required=False,
        allow_null=True,
        default=None,
        help_text="what cards pay of it; without it all",
    )
    card = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="this card only; without it the oldest first",
    )
    lines = rows(TicketLineInput, required=False, default=list, max_length=200)


class TicketTenderOutput(serializers.Serializer):
    kind = serializers.ChoiceField([TenderKind.CARD_PRINCIPAL.value, TenderKind.CARD_BONUS.value])
    card = serializers.CharField()
    amount_fen = serializers.IntegerField()
    refunded_fen = serializers.IntegerField()


class TicketRefundOutput(serializers.Serializer):
    no = serializers.CharField()
    refund_no = serializers.CharField()
    amount_fen = serializers.IntegerField()
    other_fen = serializers.IntegerField()
    created_at = serializers.DateTimeField()


class TicketOutput(serializers.Serializer):
    no = serializers.CharField(help_text="ours; print it: every till of the store takes it")
    ticket_no = serializers.CharField()
    state = serializers.ChoiceField(PosTicketState.choices)
    member = serializers.CharField(allow_blank=True)
    total_fen = serializers.IntegerField()
    card_fen = serializers.IntegerField()
    other_fen = serializers.IntegerField(help_text="what the till collected otherwise")
    refunded_fen = serializers.IntegerField(help_text="given back to cards")
    other_refunded_fen = serializers.IntegerField()
    paid_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    tenders = TicketTenderOutput(many=True)
    refunds = TicketRefundOutput(many=True)


class TicketRefundInput(serializers.Serializer):
    refund_no = serializers.RegexField(
        _NUMBER, max_length=32, help_text="the till's own, new for this ticket"
    )
    amount_fen = serializers.IntegerField(
        min_value=0, max_value=MAX_FEN, help_text="back to the cards"
    )
    other_fen = serializers.IntegerField(
        min_value=0,
        max_value=MAX_FEN,
        required=False,
        default=0,
        help_text="what the till gives back by other means",
    )
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class TicketVoidInput(serializers.Serializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


def _coupons() -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=32), min_length=1, max_length=10
    )


def _amount() -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=1,
        max_value=MAX_FEN,
        required=False,
        allow_null=True,
        default=None,
        help_text="instead of lines: the sale before discounts",
    )


class RedemptionPreviewInput(serializers.Serializer):
    visit = serializers.CharField(max_length=32)
    coupons = _coupons()
    lines = rows(TillLineInput, required=False, default=list, max_length=200)
    amount_fen = _amount()
    with_promotions = _with_promotions()


class RedemptionInput(serializers.Serializer):
    ticket_no = serializers.RegexField(
        _NUMBER, max_length=32, help_text="the till's own, never used before by this terminal"
    )
    visit = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    code = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="instead of a visit: scan and redeem in one step",
    )
    coupons = _coupons()
    lines = rows(TillLineInput, required=False, default=list, max_length=200)
    amount_fen = _amount()
    discount_fen = serializers.IntegerField(
        min_value=0,
        max_value=MAX_FEN,
        required=False,
        allow_null=True,
        default=None,
        help_text="what the preview said: any other is refused",
    )
    with_promotions = _with_promotions()


class RedeemedCouponOutput(serializers.Serializer):
    coupon = serializers.CharField()
    title = serializers.CharField()
    amount_fen = serializers.IntegerField()


class AppliedPromotionOutput(serializers.Serializer):
    promotion = serializers.CharField()
    title = serializers.CharField()
    words = serializers.CharField()
    amount_fen = serializers.IntegerField()


class RedemptionReturnOutput(serializers.Serializer):
    return_no = serializers.CharField()
    gross_fen = serializers.IntegerField()
    discount_fen = serializers.IntegerField(help_text="what coupons and promotions had off it")
    refund_fen = serializers.IntegerField(help_text="what the customer gets")
    created_at = serializers.DateTimeField()


class RedemptionOutput(serializers.Serializer):
    no = serializers.CharField(help_text="ours; print it: every till of the store takes it")
    ticket_no = serializers.CharField()
    state = serializers.ChoiceField(TicketState.choices)
    member = serializers.CharField()
    store = serializers.CharField()
    redeemed_by = serializers.CharField()
    redeemed_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    gross_fen = serializers.IntegerField()
    promotion_fen = serializers.IntegerField(help_text="of the discount, what promotions took")
    discount_fen = serializers.IntegerField()
    total_fen = serializers.IntegerField()
    returned_gross_fen = serializers.IntegerField()
    returned_promotion_fen = serializers.IntegerField()
    returned_discount_fen = serializers.IntegerField()
    returned_total_fen = serializers.IntegerField(help_text="what customers got back")
    coupons = RedeemedCouponOutput(many=True)
    promotions = AppliedPromotionOutput(many=True)
    gifts = TillGiftOutput(many=True)
    returns = RedemptionReturnOutput(many=True)


class RedemptionReverseInput(serializers.Serializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class RedemptionUnitInput(serializers.Serializer):
    line = serializers.IntegerField(min_value=0, max_value=199, help_text="counted from 0")
    quantity = serializers.IntegerField(min_value=1, max_value=999)


class RedemptionReturnInput(serializers.Serializer):
    return_no = serializers.RegexField(
        _NUMBER, max_length=32, help_text="the till's own, new for this ticket"
    )
    units = rows(RedemptionUnitInput, required=False, default=list, max_length=200)
    amount_fen = _amount()
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
