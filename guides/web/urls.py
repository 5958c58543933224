from django.urls import path

from guides.web import coupons, views

app_name = "guides"
urlpatterns = [
    path("", views.today, name="today"),
    path("customers/", views.customers, name="customers"),
    path("commission/", views.commission, name="commission"),
    path("coupons/", coupons.coupons, name="coupons"),
    path("coupons/<int:allowance_id>/", coupons.coupon_for, name="coupon_for"),
    path("coupons/<int:allowance_id>/give/", coupons.coupon_give_to, name="coupon_give"),
    path("codes/", views.codes, name="codes"),
    path("codes/products/", views.products, name="products"),
    path("codes/new/", views.code_new, name="code_new"),
    path("codes/<str:token>/", views.code, name="code"),
    path("codes/<str:token>/image/", views.code_picture, name="code_picture"),
]
