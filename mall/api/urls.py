from django.urls import include, path

from mall.api import notify, orders, points_shop, wallet

urlpatterns = [
    path("", include("mall.api.catalogue.urls")),
    path("pos/", include("mall.api.pos.urls")),
    path("me/wallet", wallet.WalletView.as_view(), name="me-wallet"),
    path("points-shop", points_shop.PointsShopView.as_view(), name="points-shop"),
    path("quotes", orders.QuoteView.as_view(), name="quotes"),
    path("orders", orders.OrdersView.as_view(), name="orders"),
    path("orders/<str:no>", orders.OrderView.as_view(), name="order"),
    path("orders/<str:no>/pay", orders.OrderPayView.as_view(), name="order-pay"),
    path("orders/<str:no>/cancel", orders.OrderCancelView.as_view(), name="order-cancel"),
    path("orders/<str:no>/received", orders.OrderReceivedView.as_view(), name="order-received"),
    path("orders/<str:no>/after-sales", orders.AfterSalesView.as_view(), name="after-sales"),
    path("wechat/notify/<str:mchid>/payments", notify.PaymentNotifyView.as_view()),
    path("wechat/notify/<str:mchid>/refunds", notify.RefundNotifyView.as_view()),
]
