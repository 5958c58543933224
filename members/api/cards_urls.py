from django.urls import URLPattern, URLResolver, path

from members.api import cards

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/cards", cards.CardsView.as_view(), name="me-cards"),
    path("me/cards/<str:no>", cards.CardView.as_view(), name="me-card"),
    path("me/cards/<str:no>/entries", cards.CardEntriesView.as_view(), name="me-card-entries"),
    path("me/points", cards.PointsView.as_view(), name="me-points"),
    path("card-products", cards.CardProductsView.as_view(), name="card-products"),
]
