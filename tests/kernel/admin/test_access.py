"""Who gets into the operations site, and how."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import reverse

from members.models import Member
from stores.permissions import GRANTS
from tests.factories import make_member, make_operator, make_staff, make_store, make_user
from tests.factories import staff_client as client_of

pytestmark = pytest.mark.django_db

INDEX = reverse("admin:index")


@pytest.mark.parametrize("url", [INDEX, reverse("admin:mall_order_changelist")])
def test_anonymous_visitors_sign_in_where_everybody_does(url):
    answer = Client().get(url, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=%2Fadmin%2F")


def test_the_admins_own_password_form_is_never_reached():
    answer = Client().post(reverse("admin:login"), {"username": "x", "password": "y"}, follow=False)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/")


def test_people_without_staff_status_are_refused():
    answer = client_of(make_user()).get(INDEX, follow=True)
    assert answer.status_code == 403


def test_the_front_page_and_navigation_follow_the_role(now):
    clerk = make_staff(store=make_store(), role="clerk", since=now)
    page = client_of(clerk).get(INDEX)
    assert page.status_code == 200
    text = page.content.decode()
    assert reverse("admin:mall_order_changelist") in text
    assert reverse("admin:stores_transfer_changelist") not in text
    assert reverse("admin:kernel_user_changelist") not in text


def test_roles_name_permissions_that_exist():
    known = {
        f"{label}.{codename}"
        for label, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    for role, granted in GRANTS.items():
        assert granted <= known, role


def test_every_page_is_open_to_headquarters_and_auditors_read_only(now):
    auditor = make_staff(role="auditor", since=now)
    hidden = {"auth.group"}
    for model in admin.site._registry:
        label = model._meta.label_lower
        app, name = label.split(".")
        assert auditor.has_perm(f"{app}.view_{name}") is (label not in hidden), label
        assert not auditor.has_perm(f"{app}.change_{name}"), label


def test_members_are_personal_data_of_their_home_store(now):
    operator = make_operator()
    store, other = make_store(operator=operator), make_store()
    mine = make_member(home_store=store)
    make_member(home_store=other), make_member()
    url = reverse("admin:members_member_changelist")

    def seen(**scope):
        client = client_of(make_staff(role="service", since=now, **scope))
        return {m.no for m in client.get(url).context["cl"].result_list}

    assert seen(store=store) == {mine.no}
    assert seen(operator=operator) == {mine.no}
    assert seen() == set(Member.objects.values_list("no", flat=True))


def test_a_list_masks_phones(now):
    make_member(phone="+8613812345678")
    url = reverse("admin:members_member_changelist")
    text = client_of(make_staff(role="service", since=now)).get(url).content.decode()
    assert "+86138****5678" in text and "+8613812345678" not in text


def test_the_books_are_headquarters_or_the_operators_own(now):
    clerk = make_staff(store=make_store(), role="finance", since=now)
    answer = client_of(clerk).get(reverse("admin:stores_seal_changelist"))
    assert answer.status_code == 200
    assert list(answer.context["cl"].result_list) == []


def test_nobody_makes_themselves_a_superuser(now):
    user = make_staff(role="headquarters", since=now)
    boss = make_user(superuser=True)
    client = client_of(user)
    url = reverse("admin:kernel_user_change", args=[user.pk])
    data = {
        "username": user.username,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "first_name": "新名",
    }
    assert client.post(url, data).status_code == 302
    user.refresh_from_db()
    assert (user.first_name, user.is_superuser) == ("新名", False)
    theirs = reverse("admin:kernel_user_change", args=[boss.pk])
    assert client.post(theirs, {**data, "username": "taken-over"}).status_code == 403
    password = reverse("admin:auth_user_password_change", args=[boss.pk])
    new = {"password1": "Str0ng-pass-9", "password2": "Str0ng-pass-9", "usable_password": "true"}
    assert client.post(password, new).status_code == 403
    boss.refresh_from_db()
    assert boss.username != "taken-over" and not boss.check_password("Str0ng-pass-9")


def test_what_belongs_to_the_group_is_headquarters_own(now):
    bound = make_staff(operator=make_operator(), role="headquarters", since=now)
    whole = make_staff(role="headquarters", since=now)
    for grant in ("mall.change_sku", "mall.change_brand", "kernel.add_policyversion"):
        assert whole.has_perm(grant) and not bound.has_perm(grant), grant
    for grant in ("kernel.view_event", "kernel.view_user", "stores.add_operator"):
        assert whole.has_perm(grant) and not bound.has_perm(grant), grant
    assert bound.has_perm("mall.change_order") and bound.has_perm("stores.change_store")


def test_nobody_assigns_beyond_their_own_scope(now):
    operator = make_operator()
    store, foreign = make_store(operator=operator), make_store()
    boss = make_staff(operator=operator, role="headquarters", since=now)
    client = client_of(boss)
    url = reverse("admin:stores_assignment_add")
    data = {"user": boss.pk, "role": "finance", "since_0": "2026-01-01", "since_1": "09:00"}

    assert client.post(url, data).status_code == 200
    assert client.post(url, {**data, "store": foreign.pk}).status_code == 200
    assert client.post(url, {**data, "operator": foreign.operator_id}).status_code == 200
    assert boss.assignments.count() == 1
    assert client.post(url, {**data, "store": store.pk}).status_code == 302
    assert boss.assignments.count() == 2
