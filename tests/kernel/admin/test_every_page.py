"""Every registered page opens, is found by what people know, and costs a fixed number of
statements, however many rows there are."""

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse

from config.kernel.admin.timeline import known_kinds
from config.kernel.events import EventBase
from mall.models import Order
from tests.factories import make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

LIST_STATEMENTS = 12
PAGE_STATEMENTS = 32

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)
# Rows of other rows' pages, or of nobody's business.
NOT_PAGES = {
    "admin.LogEntry",
    "account.EmailAddress",
    "account.EmailConfirmation",
    "auth.Permission",
    "contenttypes.ContentType",
    "coupons.ClaimSlot",
    "coupons.CouponTicketReturn",
    "guides.HandoutCount",
    "guides.PreparedLine",
    "kernel.IdempotencyKey",
    "kernel.SavedFilter",
    "mall.Adjustment",
    "mall.AfterSaleLine",
    "mall.CartLine",
    # Read at the desk that packs the parcel, and nowhere else.
    "mall.DeliveryAddress",
    "mall.PosRefund",
    "mall.PosRefundLine",
    "mall.PosTender",
    "mall.RefundAllocation",
    "mall.Tender",
    "mall.TenderAllocation",
    "members.CardHoldLine",
    "members.CardReactivation",
    "members.CardReplacement",
    "members.MemberBirthday",
    "members.MemberCode",
    "members.PointHoldLine",
    "mfa.Authenticator",
    "sessions.Session",
    "socialaccount.SocialAccount",
    "socialaccount.SocialApp",
    "socialaccount.SocialToken",
}


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


def url(model, page, *args):
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}", args=args)


def test_every_model_of_the_flow_has_a_page():
    missing = {model._meta.label for model in apps.get_models()} - NOT_PAGES
    assert missing == {model._meta.label for model in REGISTERED}


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label_lower)
def test_a_list_costs_the_same_however_long_it_is_and_can_be_searched(
    client, model, django_assert_max_num_queries
):
    Sale()
    page = admin.site._registry[model]
    assert page.search_fields or page.exact_paths
    address = url(model, "changelist")
    client.get(address)
    assert model._default_manager.count() >= 1
    with django_assert_max_num_queries(LIST_STATEMENTS) as one:
        assert client.get(address).status_code == 200

    Sale(), Sale()
    with django_assert_max_num_queries(len(one)):
        answer = client.get(address)
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) >= 3

    with django_assert_max_num_queries(LIST_STATEMENTS + 1):
        answer = client.get(address, {"q": "no-such-thing-anywhere"})
    assert answer.status_code == 200
    assert len(answer.context["cl"].result_list) == 0


# Everything there is to say of a session is in its row, and its key must not be in an address.
WITH_PAGES = [model for model in REGISTERED if model._meta.label != "kernel.Session"]


@pytest.mark.parametrize("model", WITH_PAGES, ids=lambda model: model._meta.label_lower)
def test_a_page_opens_and_deletes_nothing(client, model, django_assert_max_num_queries):
    Sale()
    row = model._default_manager.first()
    with django_assert_max_num_queries(PAGE_STATEMENTS):
        answer = client.get(url(model, "change", row.pk))
    assert answer.status_code == 200

    assert client.post(url(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    assert model._default_manager.filter(pk=row.pk).exists()


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label_lower)
def test_filters_open(client, model):
    """Each filter of the list is followed once."""
    Sale()
    answer = client.get(url(model, "changelist"))
    for spec in answer.context["cl"].filter_specs:
        for choice in list(spec.choices(answer.context["cl"]))[:3]:
            query = choice.get("query_string", "?")
            assert client.get(url(model, "changelist") + query).status_code == 200


READ_ONLY = [
    "stores.account",
    "stores.transfer",
    "stores.seal",
    "stores.pickup",
    "stores.terminal",
    "kernel.event",
    "kernel.eventdelivery",
    "mall.payment",
    "mall.notification",
    "mall.refund",
    "mall.order",
    "mall.aftersale",
    "mall.posticket",
    "mall.storesale",
    "mall.stock",
    "mall.stockmovement",
    "mall.reservation",
    "members.card",
    "members.cardlot",
    "members.cardhold",
    "members.cardactivation",
    "members.cardalert",
    "members.cardbatch",
    "members.cardgift",
    "members.cardidentity",
    "members.cardpayback",
    "members.cardpaybackline",
    "members.topupofferuse",
    "members.pointhold",
    "members.growthentry",
    "members.membertier",
    "members.membership",
    "members.pointlot",
    "members.message",
    "coupons.coupon",
    "coupons.redemption",
    "coupons.couponticket",
    "coupons.codepool",
    "coupons.redeemcode",
    "coupons.coupongift",
    "coupons.claimdecision",
    "coupons.quotaalert",
    "guides.attribution",
    "guides.commissionentry",
    "guides.couponhandout",
    "guides.preparedbasket",
]


@pytest.mark.parametrize("label", READ_ONLY)
def test_money_states_and_records_are_read_only(client, label):
    model = apps.get_model(label)
    Sale()
    row = model._default_manager.first()
    assert client.get(url(model, "add")).status_code == 403
    assert client.post(url(model, "change", row.pk), {"state": "done"}).status_code == 403
    assert client.get(url(model, "change", row.pk)).status_code == 200


def found_by(sale):
    """What a person has in hand → the lists that must lead to it."""
    return {
        sale.order.no: [
            "mall.order",
            "mall.payment",
            "mall.refund",
            "mall.aftersale",
            "mall.orderline",
            "mall.fulfilment",
            "mall.reservation",
            "stores.pickup",
            "coupons.redemption",
            "members.message",
            "guides.attribution",
            "guides.commissionentry",
        ],
        sale.member.phone: [
            "members.member",
            "mall.order",
            "members.card",
            "coupons.coupon",
            "members.pointlot",
            "guides.binding",
            "guides.touch",
        ],
        sale.member.phone[-11:]: ["members.member", "mall.order"],
        sale.member.no: ["members.member", "mall.order", "coupons.coupon"],
        sale.sku.code: [
            "mall.sku",
            "mall.product",
            "mall.stock",
            "mall.storeoffer",
            "mall.order",
            "mall.stockmovement",
        ],
        sale.card.no: ["members.card", "members.member", "mall.order", "members.cardlot"],
        sale.coupon.no: ["coupons.coupon", "coupons.redemption"],
        sale.payment.no: ["mall.payment", "mall.order", "mall.refund", "mall.notification"],
        sale.refund.no: ["mall.refund", "mall.order", "mall.aftersale"],
        sale.after_sale.no: ["mall.aftersale", "mall.order"],
        sale.pickup.no: ["stores.pickup", "mall.order", "mall.fulfilment"],
        sale.transfer.key: ["stores.transfer"],
        sale.guide.no: ["guides.guide", "guides.commissionentry"],
        sale.store.code: ["stores.store"],
        sale.code.token: ["kernel.code", "guides.touch"],
    }


def test_everything_is_found_by_what_a_person_knows(client):
    Sale()
    sale = Sale()
    Sale()
    for term, labels in found_by(sale).items():
        for label in labels:
            answer = client.get(url(apps.get_model(label), "changelist"), {"q": term})
            found = answer.context["cl"].result_list
            assert len(found) == 1, (term, label)


def test_a_whole_number_is_looked_up_and_not_scanned_for(client):
    """The order's list knows ten ways to an order; none of them joins the others."""
    sale = Sale()
    page = admin.site._registry[type(sale.order)]
    assert len(page.exact_paths) == 9
    for known in (sale.card.no, sale.payment.no.lower(), sale.sku.code, sale.pickup.no):
        rows, duplicates = page.get_search_results(None, Order.objects.all(), known)
        assert (str(rows.query).count("JOIN"), duplicates) == (0, False)
        assert list(rows) == [sale.order]


def test_a_number_that_is_no_number_is_no_error(client):
    Sale()
    for term in ("x1", "9" * 30, "'", "%", "1 2"):
        for label in ("kernel.event", "mall.order", "members.member"):
            answer = client.get(url(apps.get_model(label), "changelist"), {"q": term})
            assert answer.status_code == 200, (label, term)


def _event_kinds(base=EventBase):
    for kind in base.__subclasses__():
        if not kind.__module__.startswith("tests.") and getattr(kind, "kind", ""):
            yield kind.kind
        yield from _event_kinds(kind)


def test_every_kind_of_event_has_a_name_in_the_timeline():
    assert set(_event_kinds()) == known_kinds()
