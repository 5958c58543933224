"""A list as somebody likes it is kept by name, offered again, and nobody else's to undo."""

import pytest
from django.contrib import admin
from django.urls import reverse

from config.kernel import saved_filters
from config.kernel.models import Event, SavedFilter
from tests.factories import make_staff, make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

LIST = "/admin/mall/order/"
SAVE = "/admin/mall/order/filters/save/"


@pytest.fixture
def boss():
    return make_user(superuser=True)


def chips(client, query=""):
    answer = client.get(f"{LIST}{query}")
    assert answer.status_code == 200
    return {chip["name"]: chip for chip in answer.context["filter_chips"]}


def keep(client, query, name="待支付", **data):
    return client.post(f"{SAVE}{query}", {"name": name, **data})


def test_a_filter_is_kept_offered_and_marked_where_it_is_in_force(boss):
    client = staff_client(boss)
    paid, placed = Sale(state="paid"), Sale()
    page = client.get(f"{LIST}?state__exact=placed&p=1").content.decode()
    assert 'href="filters/save/?state__exact=placed"' in page

    answer = keep(client, "?p=2&state__exact=placed&o=-6&_facets=True")

    assert answer.url == f"{LIST}?o=-6&state__exact=placed"
    kept = SavedFilter.objects.get()
    assert (kept.user, kept.model, kept.query, kept.shared) == (
        boss,
        "mall.order",
        "o=-6&state__exact=placed",
        False,
    )
    assert not chips(client)["待支付"]["active"]
    chip = chips(client, "?state__exact=placed&o=-6&p=1")["待支付"]
    assert chip["active"] and chip["own"]
    shown = client.get(f"{LIST}?{chip['query']}")
    assert list(shown.context["cl"].queryset) == [placed.order] != [paid.order]
    # What is kept already is not offered to be kept again.
    assert shown.context["filter_query"] == ""
    event = Event.objects.get(kind="kernel.reference_changed", subject_type="kernel.savedfilter")
    assert (event.subject_id, event.actor_id) == (kept.pk, str(boss.pk))


def test_it_is_offered_at_its_own_list_alone(boss):
    client = staff_client(boss)
    keep(client, "?state__exact=placed")
    answer = client.get("/admin/mall/payment/")
    assert answer.context["filter_chips"] == []


@pytest.mark.parametrize(
    "query", ["", "?p=3", "?q=", "?nope=1", "?member__user__password=x", "?q=" + "x" * 1100]
)
def test_what_the_list_does_not_understand_is_not_kept(boss, query):
    client = staff_client(boss)
    assert client.get(f"{SAVE}{query}").status_code == 404
    assert keep(client, query).status_code == 404
    assert not SavedFilter.objects.exists()


def test_a_name_serves_once_and_must_be_there(boss):
    client = staff_client(boss)
    keep(client, "?state__exact=placed")
    again = keep(client, "?state__exact=paid")
    assert again.status_code == 409 and "同名" in again.content.decode()
    nameless = keep(client, "?state__exact=paid", name="")
    assert nameless.status_code == 200 and nameless.context["form"].errors["name"]
    assert SavedFilter.objects.count() == 1
    # Somebody else's names are somebody else's.
    assert keep(staff_client(make_user(superuser=True)), "?state__exact=paid").status_code == 302


def test_one_keeps_only_so_many(boss, monkeypatch):
    monkeypatch.setattr(saved_filters, "FILTERS_MOST", 1)
    client = staff_client(boss)
    keep(client, "?state__exact=placed")
    refused = keep(client, "?state__exact=paid", name="已支付")
    assert refused.status_code == 409 and "1 个筛选" in refused.content.decode()
    assert SavedFilter.objects.count() == 1


def test_ones_own_is_unseen_by_others_unless_it_is_shared(boss, now):
    mine = Sale()
    manager = staff_client(make_staff(store=mine.store, role="manager", since=now))
    client = staff_client(boss)
    keep(client, "?state__exact=placed")
    keep(client, "?state__exact=paid", name="已支付", shared="on")

    offered = chips(manager)

    assert list(offered) == ["已支付"]
    assert not offered["已支付"]["own"]


def test_through_a_shared_one_nobody_sees_more_rows(boss, now):
    mine, theirs = Sale(), Sale()
    keep(staff_client(boss), f"?store__id__exact={theirs.store.pk}", name="别家", shared="on")
    manager = staff_client(make_staff(store=mine.store, role="manager", since=now))
    answer = manager.get(f"{LIST}?{chips(manager)['别家']['query']}")
    # Where only one store is to be seen there is no such filter, and it is left out.
    assert list(answer.context["cl"].queryset) == [mine.order]


def test_search_words_are_not_shared(boss):
    client = staff_client(boss)
    refused = keep(client, "?q=13812345678", shared="on")
    assert refused.status_code == 400 and "个人信息" in refused.content.decode()
    assert not SavedFilter.objects.exists()
    assert keep(client, "?q=13812345678").status_code == 302


def test_its_owner_alone_lets_it_go(boss, now):
    sale = Sale()
    client = staff_client(boss)
    keep(client, "?state__exact=placed", shared="on")
    kept = SavedFilter.objects.get()
    url = f"{LIST}filters/{kept.pk}/delete/"
    manager = staff_client(make_staff(store=sale.store, role="manager", since=now))
    assert manager.post(url).status_code == 404
    assert client.get(url).status_code == 405
    assert client.post(f"/admin/mall/payment/filters/{kept.pk}/delete/").status_code == 404
    assert SavedFilter.objects.exists()

    assert client.post(f"{url}?state__exact=placed").url == f"{LIST}?state__exact=placed"

    assert not SavedFilter.objects.exists()
    last = Event.objects.filter(subject_type="kernel.savedfilter").latest("id")
    assert last.payload["change"] == "deleted"


def test_who_may_not_open_a_list_keeps_nothing_of_it(now):
    sale = Sale()
    clerk = staff_client(make_staff(store=sale.store, role="clerk", since=now))
    url = "/admin/members/member/filters/save/?archived_at__isempty=1"
    assert clerk.get(url).status_code == 403
    assert clerk.post(url, {"name": "x"}).status_code == 403
    assert not SavedFilter.objects.exists()


def test_chips_cost_one_statement_however_many(boss, django_assert_num_queries):
    client = staff_client(boss)
    Sale()
    client.get(LIST)
    with django_assert_num_queries(10):
        client.get(LIST)
    for number in range(5):
        keep(client, f"?state__exact=placed&q={number}", name=f"n{number}")
    with django_assert_num_queries(10):
        assert len(chips(client)) == 5


@pytest.mark.parametrize(
    "model", sorted(admin.site._registry, key=lambda m: m._meta.label_lower), ids=str
)
def test_every_list_offers_to_keep_its_order(boss, model):
    opts = model._meta
    url = reverse(f"admin:{opts.app_label}_{opts.model_name}_filter_save")
    assert staff_client(boss).post(f"{url}?o=-1", {"name": "n"}).status_code == 302
    assert SavedFilter.objects.get().model == opts.label_lower
