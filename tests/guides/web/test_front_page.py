"""The front page leads to every face, in the language asked for."""

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db


def test_the_front_page_leads_to_all_faces(django_assert_num_queries):
    with django_assert_num_queries(0):
        page = Client().get("/").content.decode()

    for door in ("/admin/", "/guide/", "/desk/", "/api/v1/schema/"):
        assert f'href="{door}"' in page


def test_chinese_is_the_default_and_the_switch_is_kept():
    client = Client()
    assert '<html lang="zh-hans">' in client.get("/").content.decode()

    answer = client.post("/language/", {"language": "en", "next": "/"}, follow=True)

    assert '<html lang="en">' in answer.content.decode()
    assert '<html lang="en">' in client.get("/").content.decode()


def test_an_unknown_page_says_so():
    answer = Client().get("/nosuch/", headers={"accept-language": "en"})

    assert answer.status_code == 404
    assert "There is no such page" in answer.content.decode()
