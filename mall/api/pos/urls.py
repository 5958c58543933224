from django.urls import path, re_path

from mall.api.pos import views

# A number of ours or of a till: nothing else is one.
_TICKET = r"^tickets/(?P<number>[0-9A-Za-z_-]{1,32})"
urlpatterns = [
    path("members", views.ScanView.as_view(), name="pos-members"),
    path("quotes", views.TillQuoteView.as_view(), name="pos-quotes"),
    path("tickets", views.TicketsView.as_view(), name="pos-tickets"),
    re_path(rf"{_TICKET}$", views.TicketView.as_view(), name="pos-ticket"),
    re_path(rf"{_TICKET}/refunds$", views.TicketRefundsView.as_view(), name="pos-refunds"),
    re_path(rf"{_TICKET}/void$", views.TicketVoidView.as_view(), name="pos-void"),
]
