"""Roles × pages × own and foreign rows: the whole table, written out and not derived.

``PAGES`` says which lists a role opens. ``SEEN`` says whose rows are in them for somebody who is
bound to a store, or to an operator. Everything that is not written here is denied.

Two sales, one's own and a foreign one, are made once for the module. Pages answer in full but for
their texts, which ``test_every_page.py`` looks at.
"""

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.urls import reverse

from stores.permissions import GRANTS
from stores.states import Role
from tests.factories import make_staff, make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture(scope="module")
def sales(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield Sale(), Sale()
        transaction.set_rollback(True)


@pytest.fixture
def mine(sales):
    return sales[0]


@pytest.fixture
def theirs(sales):
    return sales[1]


@pytest.fixture
def texts():
    """Asked for by a test that reads pages."""


@pytest.fixture(autouse=True)
def _without_texts(request, monkeypatch):
    if "texts" not in request.fixturenames:
        monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")


SALES = {
    "mall.order",
    "mall.orderline",
    "mall.payment",
    "mall.refund",
    "mall.aftersale",
    "mall.fulfilment",
    "mall.posticket",
    "mall.storesale",
    "coupons.couponticket",
    "mall.reservation",
    "mall.stock",
    "mall.stockmovement",
    "mall.storeoffer",
    "mall.product",
    "mall.sku",
    "mall.category",
    "mall.brand",
    "mall.review",
    "mall.promotion",
    "mall.pointsoffer",
    "stores.store",
    "stores.operator",
    "stores.region",
    "stores.pickup",
    "stores.terminal",
}
PEOPLE = {
    "members.member",
    "members.tier",
    "members.card",
    "members.cardproduct",
    "members.cardlot",
    "members.cardhold",
    "members.cardactivation",
    "members.cardalert",
    "members.cardbatch",
    "members.cardgift",
    "members.cardpayback",
    "members.cardpaybackline",
    "members.topupoffer",
    "members.topupofferuse",
    "members.membership",
    "members.membershipplan",
    "members.pointhold",
    "members.growthentry",
    "members.membertier",
    "members.tag",
    "members.membertag",
    "members.pointlot",
    "members.message",
    "members.consent",
    "members.externalid",
    "coupons.template",
    "coupons.coupon",
    "coupons.redemption",
    "coupons.codepool",
    "coupons.redeemcode",
    "coupons.coupongift",
    "coupons.claimdecision",
    "coupons.quotaalert",
}
GUIDES = {
    "guides.guide",
    "guides.guideassignment",
    "guides.binding",
    "guides.touch",
    "guides.attribution",
    "guides.commissionentry",
    "guides.couponallowance",
    "guides.couponhandout",
}
BOOKS = {
    "stores.account",
    "stores.transfer",
    "stores.seal",
    "mall.notification",
    "mall.discountdraft",
    "members.cardidentity",
    "stores.assignment",
}
GROUP = {
    "kernel.event",
    "kernel.eventdelivery",
    "kernel.policyversion",
    "kernel.batch",
    "kernel.code",
    "kernel.user",
    "kernel.session",
}
INBOX = {"kernel.approval"}
ALL = SALES | PEOPLE | GUIDES | BOOKS | INBOX
PAGES = {
    ("clerk", "store"): SALES,
    ("manager", "store"): SALES | GUIDES | INBOX,
    ("service", "store"): SALES | PEOPLE | INBOX,
    ("service", "operator"): SALES | PEOPLE | INBOX,
    ("finance", "operator"): ALL,
    ("headquarters", "operator"): ALL,
    ("auditor", "operator"): ALL,
    ("finance", "group"): ALL | GROUP,
    ("headquarters", "group"): ALL | GROUP,
    ("auditor", "group"): ALL | GROUP,
}
EXPORT = {"manager", "finance", "headquarters", "auditor"}

# Whose rows a list holds: everybody's, those of one's stores, those of one's operators, or none
# unless one is assigned to the whole group.
SHARED = {
    "mall.product",
    "mall.sku",
    "mall.category",
    "mall.brand",
    "mall.review",
    "members.tier",
    "stores.region",
}
OF_STORE = {
    "mall.order",
    "mall.orderline",
    "mall.payment",
    "mall.refund",
    "mall.aftersale",
    "mall.fulfilment",
    "mall.posticket",
    "mall.storesale",
    "mall.reservation",
    "mall.stock",
    "mall.stockmovement",
    "mall.storeoffer",
    "stores.store",
    "stores.operator",
    "stores.pickup",
    "stores.assignment",
    "stores.terminal",
    "members.member",
    "members.cardidentity",
    "members.pointhold",
    "members.growthentry",
    "members.membertier",
    "members.membertag",
    "members.pointlot",
    "members.message",
    "members.consent",
    "members.externalid",
    "coupons.couponticket",
    "guides.guide",
    "guides.guideassignment",
    "guides.binding",
    "guides.touch",
    "guides.attribution",
    "guides.commissionentry",
    "guides.couponhandout",
    "kernel.approval",
}
OF_OPERATOR = OF_STORE | {
    "mall.promotion",
    "mall.discountdraft",
    "mall.pointsoffer",
    "members.card",
    "members.cardproduct",
    "members.cardlot",
    "members.cardhold",
    "members.cardactivation",
    "members.cardalert",
    "members.cardbatch",
    "members.cardgift",
    "members.cardpayback",
    "members.cardpaybackline",
    "members.topupoffer",
    "members.topupofferuse",
    "members.membership",
    "members.membershipplan",
    "members.tag",
    "coupons.template",
    "coupons.coupon",
    "coupons.redemption",
    "coupons.codepool",
    "coupons.redeemcode",
    "coupons.coupongift",
    "coupons.claimdecision",
    "coupons.quotaalert",
    "guides.couponallowance",
    "stores.account",
    "stores.transfer",
}
SEEN = {"store": OF_STORE, "operator": OF_OPERATOR}

# The row of a sale that a list shows.
ROWS = {
    "mall.order": lambda s: s.order,
    "mall.orderline": lambda s: s.line,
    "mall.payment": lambda s: s.payment,
    "mall.refund": lambda s: s.refund,
    "mall.aftersale": lambda s: s.after_sale,
    "mall.fulfilment": lambda s: s.order.fulfilments.get(),
    "mall.posticket": lambda s: s.store.posticket_set.get(),
    "mall.storesale": lambda s: s.store.storesale_set.get(),
    "mall.reservation": lambda s: s.line.reservation,
    "mall.stock": lambda s: s.stock,
    "mall.stockmovement": lambda s: s.stock.movements.first(),
    "mall.storeoffer": lambda s: s.store.offers.get(),
    "mall.product": lambda s: s.product,
    "mall.sku": lambda s: s.sku,
    "mall.category": lambda s: s.product.category,
    "mall.brand": lambda s: s.product.brand,
    "mall.review": lambda s: s.product.reviews.get(),
    "mall.discountdraft": lambda s: s.operator.discountdraft_set.get(),
    "mall.promotion": lambda s: s.operator.promotion_set.get(),
    "mall.pointsoffer": lambda s: s.operator.pointsoffer_set.get(),
    "mall.notification": lambda s: first("mall.notification", gateway_id=f"notify-{s.n}"),
    "stores.store": lambda s: s.store,
    "stores.operator": lambda s: s.operator,
    "stores.region": lambda s: s.store.region,
    "stores.pickup": lambda s: s.pickup,
    "stores.terminal": lambda s: s.store.terminals.get(),
    "stores.assignment": lambda s: s.clerk.assignments.get(),
    "stores.account": lambda s: s.principal,
    "stores.transfer": lambda s: s.transfer,
    "stores.seal": lambda s: first("stores.seal", hash=f"{s.n:064d}"),
    "members.member": lambda s: s.member,
    "members.tier": lambda s: s.member.tier,
    "members.card": lambda s: s.card,
    "members.cardproduct": lambda s: s.card.product,
    "members.cardlot": lambda s: s.card.lots.get(),
    "members.cardhold": lambda s: s.card.holds.get(),
    "members.cardactivation": lambda s: s.batch.activations.get(),
    "members.cardalert": lambda s: s.card.alerts.get(),
    "members.cardbatch": lambda s: s.batch,
    "members.cardgift": lambda s: s.card.gifts.get(),
    "members.cardidentity": lambda s: s.member.card_identities.get(),
    "members.cardpayback": lambda s: s.card.paybacks.get(),
    "members.cardpaybackline": lambda s: s.card.paybacks.get().lines.get(),
    "members.topupoffer": lambda s: s.topup_use.offer,
    "members.topupofferuse": lambda s: s.topup_use,
    "members.membership": lambda s: s.member.memberships.get(),
    "members.membershipplan": lambda s: s.member.memberships.get().plan,
    "members.growthentry": lambda s: s.member.growth_entries.get(),
    "members.membertier": lambda s: s.member.tier_periods.get(),
    "members.tag": lambda s: s.member.tags.get().tag,
    "members.membertag": lambda s: s.member.tags.get(),
    "members.pointhold": lambda s: s.member.point_holds.get(),
    "members.pointlot": lambda s: s.member.point_lots.get(),
    "members.message": lambda s: s.member.messages.get(),
    "members.consent": lambda s: s.member.consents.first(),
    "members.externalid": lambda s: s.member.external_ids.first(),
    "coupons.template": lambda s: s.template,
    "coupons.coupon": lambda s: s.coupon,
    "coupons.redemption": lambda s: s.coupon.redemptions.get(),
    "coupons.couponticket": lambda s: s.store.couponticket_set.get(),
    "coupons.codepool": lambda s: s.template.pools.get(),
    "coupons.redeemcode": lambda s: s.template.pools.get().codes.get(),
    "coupons.coupongift": lambda s: s.coupon.gifts.get(),
    "coupons.claimdecision": lambda s: s.coupon.decision,
    "coupons.quotaalert": lambda s: s.template.alerts.get(),
    "guides.guide": lambda s: s.guide,
    "guides.guideassignment": lambda s: s.guide.assignments.get(),
    "guides.binding": lambda s: s.member.bindings.get(),
    "guides.touch": lambda s: s.member.touches.get(),
    "guides.attribution": lambda s: s.line.attributions.get(),
    "guides.commissionentry": lambda s: s.guide.entries.get(),
    "guides.couponallowance": lambda s: s.guide.handouts.get().allowance,
    "guides.couponhandout": lambda s: s.guide.handouts.get(),
    "kernel.event": lambda s: first("kernel.event", subject_type="order", subject_id=s.order.pk),
    "kernel.eventdelivery": lambda s: first(
        "kernel.eventdelivery", event__subject_id=s.order.pk, event__subject_type="order"
    ),
    "kernel.policyversion": lambda s: first(
        "kernel.policyversion", kind="attribution", version=s.n
    ),
    "kernel.batch": lambda s: first("kernel.batch", source=f"file{s.n}.csv"),
    "kernel.code": lambda s: s.code,
    "kernel.user": lambda s: s.clerk,
    "kernel.session": lambda s: s.clerk.sessions.first(),
    "kernel.approval": lambda s: s.approval,
    "auth.group": lambda s: first("auth.group", name=f"group{s.n}"),
}
LABELS = sorted(model._meta.label_lower for model in admin.site._registry)


def first(label, **known):
    return apps.get_model(label)._default_manager.get(**known)


def url(label, page, *args):
    return reverse(f"admin:{label.replace('.', '_')}_{page}", args=args)


def assigned(role, bound, sale):
    scope = {"store": {"store": sale.store}, "operator": {"operator": sale.operator}, "group": {}}
    person = make_user(username=f"{role}-{bound}", is_staff=True)
    return staff_client(make_staff(role=role, user=person, **scope[bound]))


def shows(bound, label):
    """(own row, foreign row) are in the list."""
    if bound == "group" or label in SHARED:
        return True, True
    return label in SEEN[bound], False


def listed(answer):
    return {row.pk for row in answer.context_data["cl"].queryset}


def test_the_table_names_every_page_once():
    assert set(ROWS) == set(LABELS) == ALL | GROUP | {"auth.group"}
    parts = [SALES, PEOPLE, GUIDES, BOOKS, INBOX, GROUP]
    assert sum(len(part) for part in parts) == len(set().union(*parts))


def test_whoever_assigns_roles_gives_away_no_more_than_they_have():
    for role, granted in GRANTS.items():
        assert granted <= GRANTS[Role.HEADQUARTERS], role


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_a_role_opens_its_pages_and_finds_its_own_rows(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label in LABELS:
        own, foreign = ROWS[label](mine), ROWS[label](theirs)
        answer = client.get(url(label, "changelist"))
        if label not in PAGES[role, bound]:
            assert answer.status_code == 403, label
            assert client.get(url(label, "change", own.pk)).status_code in (403, 404), label
            assert client.post(url(label, "export"), {"format": "csv"}).status_code == 403, label
            continue
        assert answer.status_code == 200, label
        found = listed(answer)
        assert (own.pk in found, foreign.pk in found) == shows(bound, label), label


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_what_a_role_opens_can_be_read(role, bound, mine, texts):
    client = assigned(role, bound, mine)
    pages = [reverse("admin:index"), url("mall.order", "changelist")]
    pages += [
        url(label, "change", ROWS[label](mine).pk) for label in ("mall.order", "stores.store")
    ]
    for page in pages:
        assert mine.store.name in client.get(page).content.decode(), page


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_an_address_typed_by_hand_leads_no_further_than_the_list(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label in sorted(PAGES[role, bound] - {"kernel.session"}):
        # Whoever sees everything sees any row alike.
        sales = [mine] if bound == "group" else [mine, theirs]
        for row, seen in zip([ROWS[label](s) for s in sales], shows(bound, label), strict=False):
            # Django leads away from what is not there for this person.
            expected = 200 if seen else 302
            assert client.get(url(label, "change", row.pk)).status_code == expected, label
            if label in ("mall.order", "members.card"):
                assert client.get(url(label, "history", row.pk)).status_code == expected, label


def taken(client, label):
    """The primary words of the exported rows, None when it is refused."""
    answer = client.post(url(label, "export"), {"format": "csv"})
    if answer.status_code == 403:
        return None
    return b"".join(answer.streaming_content).decode().strip().splitlines()[1:]


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_exports_hold_what_the_list_holds(role, bound, mine):
    client = assigned(role, bound, mine)
    for label in ("mall.order", "mall.stock", "stores.pickup", "mall.promotion"):
        lines = taken(client, label)
        if role not in EXPORT:
            assert lines is None, label
            continue
        assert len(lines) == sum(shows(bound, label)), label


COMMANDS = [
    ("mall.order", "cancel", {"headquarters", "manager", "service"}),
    ("mall.order", "after-sale", {"headquarters", "manager", "service"}),
    ("mall.aftersale", "approve", {"headquarters", "finance", "manager", "service"}),
    ("mall.aftersale", "refuse", {"headquarters", "finance", "manager", "service"}),
    ("mall.refund", "retry", {"headquarters", "finance"}),
    ("mall.refund", "switch", {"headquarters", "finance"}),
    ("members.cardpaybackline", "paid", {"headquarters", "finance"}),
    ("members.card", "freeze", {"headquarters", "finance", "service"}),
    ("members.card", "thaw", {"headquarters", "finance", "service"}),
    ("members.card", "lost", {"headquarters", "finance", "service"}),
    ("members.card", "replace", {"headquarters", "finance", "service"}),
    ("members.card", "holder", {"headquarters", "finance", "service"}),
    ("members.card", "close", {"headquarters", "finance", "service"}),
    ("members.card", "adjust", {"headquarters", "finance", "service"}),
    ("members.member", "points", {"headquarters", "finance", "service"}),
    ("members.member", "tag", {"headquarters", "service"}),
    ("members.member", "untag", {"headquarters", "service"}),
    ("members.cardalert", "settle", {"headquarters", "finance", "service"}),
    ("members.cardbatch", "void", {"headquarters", "finance"}),
    ("members.cardbatch", "paid", {"headquarters", "finance"}),
    ("members.cardidentity", "reveal", {"headquarters", "finance"}),
    ("stores.terminal", "rotate", {"headquarters"}),
    ("mall.storeoffer", "price", {"headquarters", "manager"}),
    # Who may decide on this one is said by the limits; the button alone is not enough.
    ("kernel.approval", "refuse", {"headquarters", "finance", "manager", "service"}),
    ("stores.store", "archive", {"headquarters"}),
    ("coupons.template", "archive", {"headquarters"}),
    ("coupons.template", "stop", {"headquarters"}),
    ("coupons.template", "resume", {"headquarters"}),
    ("coupons.quotaalert", "stop", {"headquarters"}),
    ("coupons.quotaalert", "settle", {"headquarters"}),
    ("coupons.template", "push", {"headquarters"}),
    ("coupons.template", "place", {"headquarters"}),
    ("coupons.codepool", "codes", {"headquarters"}),
    ("coupons.codepool", "stop", {"headquarters"}),
    ("members.cardproduct", "archive", {"headquarters"}),
]
IN_GROUP_ONLY = [
    ("mall.sku", "price"),
    ("mall.product", "archive"),
    ("stores.operator", "archive"),
    ("kernel.policyversion", "publish"),
]


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_commands_are_asked_of_whoever_may_give_them(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label, name, roles in COMMANDS:
        own = client.get(url(label, "command", ROWS[label](mine).pk, name))
        foreign = client.post(url(label, "command", ROWS[label](theirs).pk, name), {"reason": "越"})
        if role not in roles:
            assert (own.status_code, foreign.status_code) == (403, 403), (label, name)
            continue
        seen, seen_foreign = shows(bound, label)
        assert own.status_code == (200 if seen else 404), (label, name)
        assert foreign.status_code == (200 if seen_foreign else 404), (label, name)
    for label, name in IN_GROUP_ONLY:
        own = client.get(url(label, "command", ROWS[label](mine).pk, name))
        allowed = (role, bound) == ("headquarters", "group")
        assert own.status_code == (200 if allowed else 403), (label, name)


@pytest.mark.parametrize("bound", ["operator", "group"])
def test_an_auditor_reads_everything_and_changes_nothing(bound, mine):
    client = assigned("auditor", bound, mine)
    for label in sorted(PAGES["auditor", bound] - {"kernel.session"}):
        row = ROWS[label](mine)
        if shows(bound, label)[0]:
            assert client.post(url(label, "change", row.pk), {}).status_code == 403, label
        assert client.get(url(label, "add")).status_code == 403, label
        assert client.post(url(label, "add"), {}).status_code == 403, label


def test_staff_without_an_assignment_see_an_empty_house(mine):
    client = staff_client(make_user(username="nobody", is_staff=True))
    assert client.get(reverse("admin:index")).context_data["dashboard"].empty
    for label in LABELS:
        assert client.get(url(label, "changelist")).status_code == 403, label
