from django.urls import include, path

from tests.bench import claims, floors, floors_value

urlpatterns = [
    path("floor/ping", floors.ping),
    path("floor/list", floors.product_list),
    path("floor/orm", floors.checkout_orm),
    path("floor/sql", floors.checkout_sql),
    path("floor/fn", floors.checkout_fn),
    path("floor/claim", claims.claim),
    path("floor/topup", floors_value.topup),
    path("floor/till", floors_value.till),
    path("floor/wallet", floors_value.wallet),
    path("floor/statement", floors_value.statement),
    path("", include("config.urls")),
]
