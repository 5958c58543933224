from django.urls import path

from mall.web import till, views

app_name = "desk"
urlpatterns = [
    path("", views.queue, name="queue"),
    path("stores/", views.stores, name="stores"),
    path("scan/", views.scan, name="scan"),
    path("returns/", views.returns, name="returns"),
    path("pay/", till.take, name="pay"),
    path("pay/confirm/", till.confirm, name="pay_confirm"),
    path("orders/<str:order_no>/", views.order, name="order"),
    path("orders/<str:order_no>/ready/", views.ready, name="ready"),
    path("orders/<str:order_no>/after-sale/", views.after_sale, name="after_sale"),
]
