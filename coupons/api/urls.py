from django.urls import URLPattern, URLResolver, path

from coupons.api import coupons, judged, templates, ways

urlpatterns: list[URLPattern | URLResolver] = [
    path("coupon-templates", templates.TemplatesView.as_view(), name="coupon-templates"),
    path(
        "coupon-templates/<str:code>/claim",
        templates.ClaimView.as_view(),
        name="coupon-template-claim",
    ),
    path(
        "coupon-templates/<str:code>/exchange",
        templates.ExchangeView.as_view(),
        name="coupon-template-exchange",
    ),
    path("coupon-claims/challenge", judged.ChallengeView.as_view(), name="coupon-claim-challenge"),
    path("me/coupons", coupons.MyCouponsView.as_view(), name="me-coupons"),
    path("coupon-codes", ways.CodeView.as_view(), name="coupon-codes"),
    path("coupon-scans", ways.PlaceView.as_view(), name="coupon-scans"),
    path("me/coupon-gifts", ways.CouponGiftsView.as_view(), name="me-coupon-gifts"),
    path(
        "me/coupon-gifts/<str:no>/take-back",
        ways.CouponGiftTakeBackView.as_view(),
        name="me-coupon-gift-take-back",
    ),
    path("coupon-gifts/<str:token>", ways.CouponGiftView.as_view(), name="coupon-gift"),
    path(
        "coupon-gifts/<str:token>/accept",
        ways.CouponGiftAcceptView.as_view(),
        name="coupon-gift-accept",
    ),
]
