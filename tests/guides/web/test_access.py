"""The workbench opens for active guides only."""

import pytest
from django.test import Client

from guides.models import Guide
from tests.factories import make_staff, make_user, staff_client

pytestmark = pytest.mark.django_db

PAGES = [
    "/guide/",
    "/guide/customers/",
    "/guide/commission/",
    "/guide/codes/",
    "/guide/codes/products/?q=x",
    "/guide/codes/TOKEN/",
    "/guide/codes/TOKEN/image/",
]


@pytest.mark.parametrize("page", PAGES)
def test_a_stranger_is_asked_to_log_in(page):
    answer = Client().get(page)

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/?next=/guide/")


@pytest.mark.parametrize("page", PAGES)
def test_who_is_no_guide_is_told_so(page):
    answer = staff_client(make_staff()).get(page, headers={"accept-language": "en"})

    assert answer.status_code == 403
    assert "The workbench is for shopping guides." in answer.content.decode()


def test_who_has_left_is_shut_out(guide, now):
    Guide.objects.update(active_until=now)

    assert staff_client(guide.user).get("/guide/").status_code == 403


def test_a_stranger_makes_no_code():
    assert Client().post("/guide/codes/new/").status_code == 302
    assert staff_client(make_user()).post("/guide/codes/new/").status_code == 403


def test_codes_are_made_by_post(guide):
    assert staff_client(guide.user).get("/guide/codes/new/").status_code == 405
