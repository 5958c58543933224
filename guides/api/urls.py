from django.urls import URLPattern, URLResolver, path

from guides.api.baskets import BasketOrderView, BasketView
from guides.api.touches import TouchView

urlpatterns: list[URLPattern | URLResolver] = [
    path("touches", TouchView.as_view(), name="touches"),
    path("baskets/<str:token>", BasketView.as_view(), name="basket"),
    path("baskets/<str:token>/orders", BasketOrderView.as_view(), name="basket-order"),
]
