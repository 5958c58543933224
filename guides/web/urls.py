from django.urls import path

from guides.web import baskets, coupons, views

app_name = "guides"
urlpatterns = [
    path("", views.today, name="today"),
    path("customers/", views.customers, name="customers"),
    path("commission/", views.commission, name="commission"),
    path("coupons/", coupons.coupons, name="coupons"),
    path("coupons/<int:allowance_id>/", coupons.coupon_for, name="coupon_for"),
    path("coupons/<int:allowance_id>/give/", coupons.coupon_give_to, name="coupon_give"),
    path("baskets/", baskets.baskets, name="baskets"),
    path("baskets/for/", baskets.basket_whom, name="basket_whom"),
    path("baskets/new/", baskets.basket_new, name="basket_new"),
    path("baskets/articles/", baskets.basket_articles, name="basket_articles"),
    path("baskets/<str:token>/", baskets.basket, name="basket"),
    path("baskets/<str:token>/withdraw/", baskets.basket_take_back, name="basket_take_back"),
    path("codes/", views.codes, name="codes"),
    path("codes/products/", views.products, name="products"),
    path("codes/new/", views.code_new, name="code_new"),
    path("codes/<str:token>/", views.code, name="code"),
    path("codes/<str:token>/image/", views.code_picture, name="code_picture"),
]
