from django.urls import path

from mall.web import cards, coupons, tickets, till, views

app_name = "desk"
urlpatterns = [
    path("", views.queue, name="queue"),
    path("stores/", views.stores, name="stores"),
    path("scan/", views.scan, name="scan"),
    path("returns/", views.returns, name="returns"),
    path("pay/", till.take, name="pay"),
    path("pay/confirm/", till.confirm, name="pay_confirm"),
    path("tickets/", tickets.find, name="tickets"),
    path("tickets/<str:number>/", tickets.ticket, name="ticket"),
    path("tickets/<str:number>/refund/", tickets.refund, name="ticket_refund"),
    path("tickets/<str:number>/void/", tickets.void, name="ticket_void"),
    path("cards/", cards.find, name="cards"),
    path("cards/sales/", cards.sales, name="card_sales"),
    path("cards/sales/<str:number>/", cards.sale, name="card_sale"),
    path("cards/sales/<str:number>/state/", cards.state, name="card_sale_state"),
    path("cards/sales/<str:number>/code/", cards.code, name="card_sale_code"),
    path("cards/sales/<str:number>/undo/", cards.undo, name="card_sale_undo"),
    path("cards/for/<str:member_no>/", cards.choose, name="card_choose"),
    path("cards/for/<str:member_no>/sell/", cards.sell, name="card_sell"),
    path("coupons/", coupons.scan, name="coupons"),
    path("coupons/basket/", coupons.basket, name="coupon_basket"),
    path("coupons/redeem/", coupons.redeem, name="coupon_redeem"),
    path("coupons/tickets/", coupons.tickets, name="coupon_tickets"),
    path("coupons/tickets/<str:number>/", coupons.ticket, name="coupon_ticket"),
    path("coupons/tickets/<str:number>/return/", coupons.give_back, name="coupon_return"),
    path("coupons/tickets/<str:number>/undo/", coupons.undo, name="coupon_undo"),
    path("orders/<str:order_no>/", views.order, name="order"),
    path("orders/<str:order_no>/ready/", views.ready, name="ready"),
    path("orders/<str:order_no>/ship/", views.ship, name="ship"),
    path("orders/<str:order_no>/after-sale/", views.after_sale, name="after_sale"),
]
