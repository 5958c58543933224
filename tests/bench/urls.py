from django.urls import include, path

from tests.bench import floors

urlpatterns = [
    path("floor/ping", floors.ping),
    path("floor/list", floors.product_list),
    path("floor/orm", floors.checkout_orm),
    path("floor/sql", floors.checkout_sql),
    path("floor/fn", floors.checkout_fn),
    path("", include("config.urls")),
]
