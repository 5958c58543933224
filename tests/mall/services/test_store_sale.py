"""Stored value sold where the member stands: an order of one line, paid at the counter."""

from datetime import timedelta

import pytest

from config.kernel.errors import NotFound
from config.kernel.models import Event
from mall.models import Order, Payment, Refund, StoreSale
from mall.services.order_end import orders_expire
from mall.services.order_place import QuoteChanged
from mall.services.payment_apply import payment_apply
from mall.services.payment_create import PaymentElsewhere, payment_create
from mall.services.pos_pay import PosMemberMissing
from mall.services.store_sale import (
    SaleReferenceMissing,
    SaleTerms,
    StoreSaleExists,
    StoreSaleUnknown,
    sale_document,
    sale_find,
    store_sale,
    store_sale_quote,
)
from mall.services.store_sale_void import SaleNotVoidable, SaleVoidTooLate, store_sale_void
from members.models import Card, CardIdentity, TopUpOfferUse
from members.services.card_identity import CardIdentityMissing, CardIdentityOnRecord
from members.services.card_lot import CardAmountRefused, CardCashRefused, CardLimitExceeded
from members.services.card_void import CardPurchaseUsed
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_store,
    make_topup_offer,
)
from tests.factories.orders import APPID, trade
from tests.mall.desk_sales import SELLER, desk_of, money, sell, terms_of

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def store(settings):
    settings.WECHAT = {**settings.WECHAT, "merchants": {"1900000001": {"appids": [APPID]}}}
    return make_store(operator=make_operator(code="acc", mchid="1900000001"), code="s1")


@pytest.fixture
def product(store):
    return make_card_product(operator=store.operator, code="gold")


@pytest.fixture
def member():
    return make_member()


def on(card):
    lots = card.lots.select_related("principal", "bonus")
    return sum(x.principal.balance for x in lots), sum(x.bonus.balance for x in lots)


def test_a_card_is_sold_for_cash(store, product, member, now):
    sale = sell(store, member, product="gold")

    order, card = sale.order, Card.objects.get()
    assert (order.state, order.channel, order.total_fen) == ("completed", "store", 50_000)
    assert [(t.kind, t.amount_fen) for t in order.tenders.all()] == [("cash", 50_000)]
    assert (card.member, on(card)) == (member, (50_000, 5_000))
    assert money("cash:acc:s1") == 50_000
    assert (sale.sold_by, sale.way, sale.store) == ("user:7", "cash", store)
    assert sale_document(sale) | {"no": "", "order": "", "card": ""} == {
        "no": "",
        "ticket_no": "T-1",
        "state": "paid",
        "order": "",
        "member": member.no,
        "kind": "card",
        "title": product.name,
        "card": "",
        "principal_fen": 50_000,
        "bonus_fen": 5_000,
        "way": "cash",
        "reference": "",
        "code_url": "",
        "pay_until": None,
        "paid_at": now,
        "voided_at": None,
        "created_at": now,
    }
    assert sale_document(sale)["card"] == card.no
    assert Event.objects.filter(kind="mall.store_sale_made", actor_id="7").count() == 1


def test_a_top_up_by_bank_card_takes_the_best_offer(store, member, now):
    card = make_card(member, operator=store.operator)
    make_topup_offer(operator=store.operator, steps=[(10_000, 1_000)])
    sale = sell(store, member, card=card.no, amount_fen=20_000, way="bank_card", reference="R-88")

    assert on(card) == (70_000, 6_000)
    assert money("bank:acc") == 20_000
    assert (sale.reference, sale_document(sale)["bonus_fen"]) == ("R-88", 1_000)
    assert TopUpOfferUse.objects.get().returned_at is None


def test_the_same_ticket_again_is_the_same_sale(store, product, member):
    first, second = (sell(store, member, product="gold") for _n in range(2))

    assert first.pk == second.pk
    assert Order.objects.count() == 1
    with pytest.raises(StoreSaleExists):
        sell(store, member, product="gold", way="bank_card", reference="R-1")
    sell(store, member, product="gold", ticket_no="T-2")
    assert (Order.objects.count(), money("cash:acc:s1")) == (2, 100_000)


@pytest.mark.parametrize(
    ("said", "refusal"),
    [
        ({"product": "gold", "way": "bank_card"}, SaleReferenceMissing),
        ({"product": "gold", "way": "transfer", "reference": " "}, SaleReferenceMissing),
        ({"product": "gold", "amount_fen": 1}, CardAmountRefused),
        ({"product": "none"}, NotFound),
        ({"card": "SCNONE", "amount_fen": 100}, NotFound),
        ({"product": "gold", "member_no": "MNONE"}, NotFound),
        ({"product": "gold", "member_no": ""}, PosMemberMissing),
        ({"product": "gold", "visit": "MV1"}, PosMemberMissing),
        ({"product": "big", "payer": "company"}, CardCashRefused),
    ],
)
def test_a_refusal_leaves_nothing(store, product, member, said, refusal):
    make_card_product(operator=store.operator, code="big", price_fen=500_000, bonus_fen=0)
    with pytest.raises(refusal):
        sell(store, member, **said)

    assert not Order.objects.exists()
    assert not StoreSale.objects.exists()
    assert not Card.objects.exists()


def test_a_company_pays_so_much_by_transfer(store, member):
    make_card_product(operator=store.operator, code="big", price_fen=500_000, bonus_fen=0)
    sell(store, member, product="big", payer="company", way="transfer", reference="B-1")

    assert money("bank:acc") == 500_000


def test_no_card_holds_more_than_the_law_allows(store, member):
    card = make_card(member, operator=store.operator, principal_fen=490_000, bonus_fen=0)
    with pytest.raises(CardLimitExceeded):
        sell(store, member, card=card.no, amount_fen=10_001)

    assert on(card) == (490_000, 0)
    assert not StoreSale.objects.exists()


def test_who_is_not_known_is_put_on_record_with_the_sale(store, product):
    stranger = make_member(phone=None)
    with pytest.raises(CardIdentityMissing):
        sell(store, stranger, product="gold")
    document = ("王小满", "11010519491231002X")
    shown = store_sale_quote(
        till=desk_of(store),
        terms=terms_of(stranger, product="gold", identity=document),
        now=stranger.created_at,
    )
    assert shown["total_fen"] == 50_000
    assert not CardIdentity.objects.exists()

    sell(store, stranger, product="gold", identity=document)
    assert CardIdentity.objects.get().member == stranger
    assert Card.objects.get().member == stranger


def test_a_desk_changes_nobodys_document(store, product):
    member, first = make_member(phone=None), ("王小满", "11010519491231002X")
    sell(store, member, product="gold", identity=first)
    sell(store, member, product="gold", identity=first, ticket_no="T-2")

    for other in (("李四", "11010519491231002X"), ("王小满", "440524188001010014")):
        with pytest.raises(CardIdentityOnRecord):
            sell(store, member, product="gold", identity=other, ticket_no="T-3")

    [known] = CardIdentity.objects.all()
    assert (known.replaced_at, Card.objects.count()) == (None, 2)


def test_another_bonus_than_was_shown_is_refused(store, member, now):
    card = make_card(member, operator=store.operator)
    terms = terms_of(member, card=card.no, amount_fen=10_000)
    shown = store_sale_quote(till=desk_of(store), terms=terms, now=now)
    make_topup_offer(operator=store.operator, steps=[(10_000, 1_000)])

    with pytest.raises(QuoteChanged):
        store_sale(
            till=desk_of(store),
            ticket_no="T-1",
            terms=terms,
            version=shown["version"],
            actor=SELLER,
            now=now,
        )
    assert on(card) == (50_000, 5_000)


def test_a_code_for_wechat_waits_and_is_paid(store, product, member, now):
    sale = sell(store, member, product="gold", way="wechat")
    payment = Payment.objects.get()
    assert (sale.order.state, payment.amount_fen, payment.payer_openid) == ("placed", 50_000, "")
    assert sale_document(sale)["state"] == "waiting"
    assert not Card.objects.exists()
    with pytest.raises(PaymentElsewhere):
        payment_create(
            order_no=sale.order.no, member_id=member.pk, appid=APPID, actor=SELLER, now=now
        )

    assert payment_apply(trade=trade(payment), now=now) == "paid"
    paid = sale_find(till=desk_of(store), number="T-1")
    assert sale_document(paid)["state"] == "paid"
    assert on(Card.objects.get()) == (50_000, 5_000)
    with pytest.raises(SaleNotVoidable):
        void(store, "T-1", now)


def void(store, number, now, **said):
    return store_sale_void(
        till=desk_of(store), number=number, reason="按错了", actor=SELLER, now=now, **said
    )


def test_a_sale_is_undone_on_its_day(store, product, member, now):
    make_topup_offer(operator=store.operator, steps=[(50_000, 6_000)], once_per_member=True)
    sale = sell(store, member, product="gold")
    assert on(Card.objects.get()) == (50_000, 6_000)

    undone = void(store, sale.no, now)
    again = void(store, "T-1", now)
    refund = Refund.objects.get()
    assert undone.voided_at == again.voided_at == now
    assert (refund.cause, refund.state, refund.amount_fen) == ("void", "done", 50_000)
    assert refund.gateway_id == sale.no
    assert (Card.objects.get().state, on(Card.objects.get())) == ("closed", (0, 0))
    assert money("cash:acc:s1") == 0
    assert sale_document(undone)["state"] == "voided"
    assert TopUpOfferUse.objects.get().returned_at == now
    # The offer is the member's again.
    sell(store, member, product="gold", ticket_no="T-2")
    assert on(Card.objects.get(state="active")) == (50_000, 6_000)


def test_a_top_up_that_is_undone_leaves_the_card(store, member, now):
    card = make_card(member, operator=store.operator)
    sell(store, member, card=card.no, amount_fen=20_000, way="bank_card", reference="R-1")
    void(store, "T-1", now)

    card.refresh_from_db()
    assert (card.state, on(card), money("bank:acc")) == ("active", (50_000, 5_000), 0)


def test_nothing_is_undone_that_was_used_or_is_of_another_day(store, product, member, now):
    sell(store, member, product="gold")
    card = Card.objects.get()
    sell(store, member, card=card.no, amount_fen=10_000, ticket_no="T-2")

    with pytest.raises(CardPurchaseUsed):
        # There is more on the card than this purchase.
        void(store, "T-1", now)
    with pytest.raises(SaleVoidTooLate):
        void(store, "T-2", now + DAY)
    with pytest.raises(StoreSaleUnknown):
        void(store, "T-3", now)
    with pytest.raises(StoreSaleUnknown):
        void(make_store(), "T-1", now)
    assert (on(card), money("cash:acc:s1")) == ((60_000, 5_000), 60_000)
    assert not Refund.objects.exists()


def test_a_code_that_waits_is_called_off(store, product, member, now):
    sell(store, member, product="gold", way="wechat")
    undone = void(store, "T-1", now)

    assert (undone.order.state, sale_document(undone)["state"]) == ("cancelled", "voided")
    payment = Payment.objects.get()
    assert payment_apply(trade=trade(payment), now=now) == "late: refunded"
    assert not Card.objects.exists()


def test_a_code_that_nobody_scans_ends_by_itself(store, product, member, now):
    sale = sell(store, member, product="gold", way="wechat")
    orders_expire(now=now + timedelta(hours=2))

    ended = sale_find(till=desk_of(store), number=sale.order.no)
    assert sale_document(ended)["state"] == "ended"


def test_a_number_that_was_closed_sells_nothing(store, product, member, now):
    void(store, "T-1", now, close_number=True)

    with pytest.raises(StoreSaleExists):
        sell(store, member, product="gold")
    assert sale_document(StoreSale.objects.get())["state"] == "voided"
    assert not Order.objects.exists()


def test_terms_that_are_the_same_have_one_fingerprint():
    cash = SaleTerms(way="cash", member_no="M1", product="gold")

    assert cash.fingerprint() == SaleTerms("cash", "M1", product="gold").fingerprint()
    assert cash.fingerprint() != SaleTerms("wechat", "M1", product="gold").fingerprint()
