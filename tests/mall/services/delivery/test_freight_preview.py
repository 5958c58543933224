"""The designer tries a coupon for the freight on baskets that are sent where it costs most."""

import pytest

from coupons.models import Template
from coupons.states import Channel
from mall.models import Sku
from mall.selectors.discount_preview import discount_preview
from tests.factories import make_promotion, make_store, make_template

pytestmark = pytest.mark.django_db


@pytest.fixture
def template(store, skus):
    Sku.objects.filter(pk=skus[0].pk).update(cost_fen=9_000)
    return make_template(operator=store.operator, kind="freight", value=0, threshold_fen=10_000)


def preview(template: Template, store, sku, now, channel=Channel.MALL):
    (sample,) = discount_preview(
        kind="template",
        row=template,
        store=store,
        at=now,
        now=now,
        picked=[(sku.code, 3)],
        channel=channel,
    ).samples
    return sample


def test_it_takes_the_freight_off_and_is_weighed_against_what_sending_costs(
    store, template, skus, now
):
    make_promotion(operator=store.operator, value=2_000, threshold_fen=20_000)

    sample = preview(template, store, skus[0], now)

    # ¥12.00 and ¥1.50 for the third piece; 29,700 less 2,000 of goods, which cost us 27,000.
    assert sample.freight_fen == 1_350
    assert (sample.gross_fen, sample.before_fen, sample.total_fen) == (31_050, 29_050, 27_700)
    assert sample.alone_fen == 29_700
    assert [line.sku for line in sample.lines] == [skus[0].code]
    assert (sample.applies, sample.cost_fen, sample.below_fen) == (True, 28_350, 650)


def test_where_nothing_is_sent_it_does_nothing(store, template, skus, now):
    elsewhere = make_store()

    for place, channel in ((elsewhere, Channel.MALL), (store, Channel.STORE)):
        sample = preview(template, place, skus[0], now, channel)
        assert (sample.applies, sample.freight_fen, sample.total_fen) == (False, 0, 29_700)
