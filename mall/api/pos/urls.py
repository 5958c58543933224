from django.urls import path, re_path

from mall.api.pos import coupons, sales, views

# A number of ours or of a till: nothing else is one.
_TICKET = r"^tickets/(?P<number>[0-9A-Za-z_-]{1,32})"
_REDEEMED = r"^coupons/(?P<number>[0-9A-Za-z_-]{1,32})"
_SALE = r"^sales/(?P<number>[0-9A-Za-z_-]{1,32})"
urlpatterns = [
    path("members", views.ScanView.as_view(), name="pos-members"),
    path("quotes", views.TillQuoteView.as_view(), name="pos-quotes"),
    path("tickets", views.TicketsView.as_view(), name="pos-tickets"),
    re_path(rf"{_TICKET}$", views.TicketView.as_view(), name="pos-ticket"),
    re_path(rf"{_TICKET}/refunds$", views.TicketRefundsView.as_view(), name="pos-refunds"),
    re_path(rf"{_TICKET}/void$", views.TicketVoidView.as_view(), name="pos-void"),
    path("coupons/preview", coupons.RedemptionPreviewView.as_view(), name="pos-coupon-preview"),
    path("coupons/redeem", coupons.RedemptionsView.as_view(), name="pos-coupon-redeem"),
    re_path(rf"{_REDEEMED}$", coupons.RedemptionView.as_view(), name="pos-coupon-ticket"),
    re_path(
        rf"{_REDEEMED}/reverse$", coupons.RedemptionReverseView.as_view(), name="pos-coupon-reverse"
    ),
    re_path(
        rf"{_REDEEMED}/returns$", coupons.RedemptionReturnsView.as_view(), name="pos-coupon-returns"
    ),
    path("cards", sales.CardSalesView.as_view(), name="pos-cards"),
    path("topups", sales.TopUpsView.as_view(), name="pos-topups"),
    re_path(rf"{_SALE}$", sales.SaleView.as_view(), name="pos-sale"),
    re_path(rf"{_SALE}/void$", sales.SaleVoidView.as_view(), name="pos-sale-void"),
]
