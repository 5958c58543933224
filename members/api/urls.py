from django.urls import URLPattern, URLResolver, path

from members.api import cards_urls, code, me, memberships, points

urlpatterns: list[URLPattern | URLResolver] = [
    path("me", me.MeView.as_view(), name="me"),
    path("me/code", code.MemberCodeView.as_view(), name="me-code"),
    path("me/phone", me.PhoneView.as_view(), name="me-phone"),
    path("me/birthday", me.BirthdayView.as_view(), name="me-birthday"),
    path("me/memberships", memberships.MembershipsView.as_view(), name="me-memberships"),
    path("me/points/entries", points.PointsEntriesView.as_view(), name="me-points-entries"),
    path("membership-plans", memberships.MembershipPlansView.as_view(), name="membership-plans"),
    path("me/consents", me.ConsentsView.as_view(), name="me-consents"),
    path("me/consents/<str:kind>", me.ConsentView.as_view(), name="me-consent"),
    *cards_urls.urlpatterns,
]
