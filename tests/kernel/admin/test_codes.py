"""Codes of columns without choices are read in words, in lists, in filters and on pages."""

import re

import pytest
from django.urls import reverse

from config.kernel.admin.codes import code_words, sayer
from config.kernel.models import Event
from mall.models import Sku
from members.models import Consent, Message
from stores.models import Transfer
from tests.factories import make_sku, make_user, moment, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


CELLS = re.compile(r"<t[dh][^>]*>(.*?)</t[dh]>", re.DOTALL)


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


def listed(client, model, **query):
    opts = model._meta
    address = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
    return client.get(address, query).content.decode()


def test_a_list_says_its_codes_in_words_and_filters_by_them(client):
    member = Sale().member
    Consent.objects.filter(member=member).delete()
    Consent.objects.create(member=member, kind="privacy", version="1", given_at=moment())
    Consent.objects.create(member=member, kind="house_rules", version="1", given_at=moment())

    page = listed(client, Consent)
    assert '<td class="field-kind' in page
    assert "隐私政策" in page
    # what nobody has named is shown as it is
    assert "house_rules" in page

    only = listed(client, Consent, kind="privacy")
    assert only.count('<td class="field-kind') == 1


def test_messages_transfers_and_events_are_read_in_words(client):
    Sale()
    Message.objects.update(template="order_paid")

    assert "订单支付" in listed(client, Message)
    codes = set(Transfer.objects.values_list("code", flat=True))
    said = sayer(Transfer._meta.get_field("code"))
    page = listed(client, Transfer)
    assert codes and all(str(said(code)) in page for code in codes)


def test_an_event_is_read_in_words(client):
    sale = Sale()
    event = Event.objects.create(
        kind="mall.order_paid",
        subject_type="order",
        subject_id=sale.order.pk,
        from_state="placed",
        to_state="paid",
        actor_kind="system",
        actor_id="",
        payload={},
        occurred_at=moment(),
    )

    page = listed(client, Event, q=event.kind)
    cells = [" ".join(re.sub(r"<[^>]+>", "", cell).split()) for cell in CELLS.findall(page)]
    assert {"订单支付", "订单", "待支付", "已支付", "系统"} <= set(cells)
    assert not {"mall.order_paid", "order", "placed", "paid", "system"} & set(cells)


def test_the_options_of_a_sku_are_read_as_on_its_label(client):
    sku = make_sku()
    Sku.objects.filter(pk=sku.pk).update(options={"颜色": "红", "尺码": "M"})

    assert "M / 红" in listed(client, Sku)


def test_another_app_adds_its_words():
    field = Transfer._meta.get_field("code")
    assert sayer(Transfer._meta.get_field("reference")) is None

    code_words(Transfer, "code", {"test.only": "说法"})

    assert sayer(field)("test.only") == "说法"
    assert sayer(field)("test.other") == "test.other"
