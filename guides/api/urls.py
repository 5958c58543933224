from django.urls import URLPattern, URLResolver, path

from guides.api.touches import TouchView

urlpatterns: list[URLPattern | URLResolver] = [
    path("touches", TouchView.as_view(), name="touches"),
]
