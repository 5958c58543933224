"""allauth mounts ``urls`` of every provider's package under /accounts/; ours has none there.

The API's addresses are in ``members.api.urls``.
"""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
