from django.urls import URLPattern, URLResolver, path

from mall.api.catalogue import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("categories", views.CategoriesView.as_view(), name="categories"),
    path("products", views.ProductsView.as_view(), name="products"),
    path("products/<str:code>", views.ProductView.as_view(), name="product"),
    path("products/<str:code>/reviews", views.ReviewsView.as_view(), name="product-reviews"),
    path("stores", views.StoresView.as_view(), name="stores"),
    path("stores/<str:code>", views.StoreView.as_view(), name="store"),
    path("cart", views.CartView.as_view(), name="cart"),
]
