from django.urls import URLPattern, URLResolver, path

from coupons.api import coupons, templates

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
    path("me/coupons", coupons.MyCouponsView.as_view(), name="me-coupons"),
]
