from django.urls import URLPattern, URLResolver, path

from members.api import card_commands, cards, statement, statement_files

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/cards", cards.CardsView.as_view(), name="me-cards"),
    path("me/cards/<str:no>", cards.CardView.as_view(), name="me-card"),
    path("me/cards/<str:no>/entries", statement.CardEntriesView.as_view(), name="me-card-entries"),
    path(
        "me/cards/<str:no>/entries.csv",
        statement.CardEntriesFileView.as_view(),
        name="me-card-entries-csv",
    ),
    path(
        "me/cards/<str:no>/statements",
        statement_files.CardStatementsView.as_view(),
        name="me-card-statements",
    ),
    path(
        "me/statements/<str:no>",
        statement_files.CardStatementView.as_view(),
        name="me-card-statement",
    ),
    path(
        "me/statements/<str:no>/file",
        statement_files.CardStatementFileView.as_view(),
        name="me-card-statement-file",
    ),
    path("me/cards/<str:no>/freeze", card_commands.CardFreezeView.as_view(), name="me-card-freeze"),
    path("me/cards/<str:no>/lost", card_commands.CardLostView.as_view(), name="me-card-lost"),
    path(
        "me/cards/<str:no>/topup-offers",
        card_commands.TopUpOffersView.as_view(),
        name="me-card-topup-offers",
    ),
    path("me/gifts", card_commands.GiftsView.as_view(), name="me-gifts"),
    path(
        "me/gifts/<str:no>/take-back",
        card_commands.GiftTakeBackView.as_view(),
        name="me-gift-take-back",
    ),
    path("gifts/<str:token>", card_commands.GiftView.as_view(), name="gift"),
    path("gifts/<str:token>/accept", card_commands.GiftAcceptView.as_view(), name="gift-accept"),
    path("me/points", cards.PointsView.as_view(), name="me-points"),
    path("card-codes", card_commands.CardCodeView.as_view(), name="card-codes"),
    path("card-products", cards.CardProductsView.as_view(), name="card-products"),
]
