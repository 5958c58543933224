"""Who bears a coupon: booked per use, taken back in proportion, exact to the fen."""

from itertools import permutations

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.handlers import tickets_borne
from coupons.models import Coupon, CouponTicket, Redemption, Template
from coupons.services.redemption_bear import Sold, redemptions_bear
from mall.handlers import coupons_borne
from mall.services.pos_till import Till
from mall.services.redemption_confirm import redemption_confirm
from mall.services.redemption_reverse import redemption_return, redemption_reverse
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from stores.models import Transfer
from tests.factories import make_coupon, make_member, make_operator, make_store, make_template
from tests.mall.sales import Sale, give_back, mixed_order, mixed_sale, refunds_arrive
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db

SHARES = {"brand:acme": 5_000, "operator:east": 3_333, "platform": 1_667}


def borne() -> dict[str, int]:
    """Bearer → fen that it bears by the books; whoever bears nothing is left out."""
    found: dict[str, int] = {}
    for code, debit, credit, fen in Transfer.objects.filter(code__startswith="coupon.").values_list(
        "code", "debit__code", "credit__code", "amount"
    ):
        account, sign = (debit, 1) if code == "coupon.bear" else (credit, -1)
        bearer = account.removeprefix("coupon.borne:")
        found[bearer] = found.get(bearer, 0) + sign * fen
    return {bearer: fen for bearer, fen in found.items() if fen}


def shared(sale: Sale) -> Sale:
    Template.objects.update(sponsor_shares=SHARES)
    return sale


@pytest.fixture
def east():
    return make_operator(code="east", name="东区公司")


@pytest.fixture
def sold(now):
    """¥20 off a sale of ¥50 at a store, each a third of a brand's, an operator's and the
    platform's but for the last basis point."""

    def sell(number="T-1", **terms) -> tuple[Till, CouponTicket]:
        store = make_store()
        till = Till(
            name="user:1",
            store_id=store.pk,
            store_code=store.code,
            operator_id=store.operator_id,
            operator_code=store.operator.code,
        )
        member = make_member()
        coupon = make_coupon(member, template=make_template(operator=store.operator, **terms))
        code = member_code_issue(member_id=member.pk, now=now)
        ticket = redemption_confirm(
            till=till,
            ticket_no=number,
            coupon_nos=[coupon.no],
            visit=member_code_use(scanned=code.token, by=till.name, now=now).visit,
            amount_fen=5_000,
            actor=SYSTEM,
            now=now,
        )
        return till, ticket

    return sell


def test_what_a_coupon_took_off_is_borne_by_its_operator_where_nothing_is_said(now, relayed):
    sale = mixed_sale(now=now)
    assert borne() == {}

    relayed(now)

    # 15 % of 34,366 fen
    operator = sale.order.operator
    assert borne() == {f"operator:{operator.code}": 5_154}
    transfer = Transfer.objects.get(code="coupon.bear")
    assert (transfer.credit.code, transfer.credit.operator) == (
        f"sales.coupon:{operator.code}",
        operator,
    )
    assert (transfer.debit.operator, transfer.reference) == (operator, sale.order.no)


def test_shares_by_largest_remainder_to_the_fen(now, east, relayed):
    shared(mixed_sale(now=now))

    relayed(now)

    # 2,577 + 1,717.83 + 859.17
    assert borne() == {"brand:acme": 2_577, "operator:east": 1_718, "platform": 859}
    by_operator = Transfer.objects.get(debit__code="coupon.borne:operator:east")
    assert by_operator.debit.operator == east
    assert Transfer.objects.get(debit__code="coupon.borne:platform").debit.operator is None


@pytest.mark.parametrize(
    "steps",
    [
        [[(0, 1)], [(0, 1)], [(0, 1)], [(1, 1)], [(1, 1)]],
        [[(1, 2)], [(0, 2)], [(0, 1)]],
        [[(0, 3), (1, 2)]],
    ],
)
@pytest.mark.parametrize("on_refund", ["return", "keep"])
def test_any_sequence_of_refunds_ends_on_nothing(now, relayed, steps, on_refund):
    sale = shared(mixed_sale(now=now))
    Template.objects.update(on_refund=on_refund)
    relayed(now)
    for step in steps:
        give_back(sale.order, step, now=now)
        refunds_arrive(sale.order, now=now)
        before = sum(borne().values())
        relayed(now)
        redemption = Redemption.objects.get()
        left = 0 if redemption.reversed_at else redemption.amount_fen - redemption.returned_fen
        assert sum(borne().values()) == left < before
    assert borne() == {}
    assert Coupon.objects.get().state == ("returned" if on_refund == "return" else "used")


def test_one_piece_takes_its_part_of_the_discount_back(now, relayed):
    sale = shared(mixed_sale(now=now))
    Template.objects.update(budget_fen=10_000, spent_fen=5_154)
    relayed(now)

    give_back(sale.order, [(0, 1)], now=now)
    relayed(now)

    # 4,208 of the coupon fell on three pieces; two of them keep 2,805
    line = sale.order.lines.get(position=0)
    fell = line.adjustments.get(kind="coupon").amount_fen
    redemption = Redemption.objects.get()
    assert redemption.returned_fen == fell - fell * 2 // 3
    assert sum(borne().values()) == 5_154 - redemption.returned_fen
    assert Template.objects.get().spent_fen == 5_154 - redemption.returned_fen


def test_the_order_and_number_of_events_do_not_matter(now):
    sale = shared(mixed_sale(now=now))
    give_back(sale.order, [(0, 1)], now=now)
    events = list(
        Event.objects.filter(kind__in=["mall.order_paid", "mall.order_refunded"]).order_by("pk")
    )
    assert len(events) == 2
    coupons_borne(events[:1], now)
    found = borne()
    for order in permutations(events):
        coupons_borne([*order, *order], now)
        assert borne() == found
    assert Transfer.objects.filter(code__startswith="coupon.").count() == 3


def test_what_comes_back_is_split_as_it_was_whatever_the_template_says_by_then(now, relayed):
    sale = shared(mixed_sale(now=now))
    relayed(now)
    Template.objects.update(sponsor_shares={"platform": 10_000})

    give_back(sale.order, [(0, 3), (1, 1)], now=now)
    relayed(now)

    assert set(borne()) == set(SHARES)
    give_back(sale.order, [(1, 1)], now=now)
    relayed(now)
    assert borne() == {}


def test_an_unpaid_order_bears_nothing_and_one_without_a_coupon_costs_one_statement(
    now, relayed, django_assert_num_queries
):
    mixed_order(now=now)
    relayed(now)
    assert borne() == {}
    with django_assert_num_queries(1):
        redemptions_bear([Sold("SO-none", 1, "none")], now=now)


def test_several_sales_at_once_cost_what_one_does(now, django_assert_num_queries):
    sales = [mixed_sale(now=now) for _n in range(4)]
    sold = [Sold(s.order.no, s.order.operator_id, s.order.operator.code) for s in sales]
    redemptions_bear(sold[:1], now=now)
    # ids, savepoint, lock, worth, booked, accounts, transfers, savepoint
    with django_assert_num_queries(8):
        assert redemptions_bear(sold, now=now) == 3


def test_a_ticket_of_a_store_and_what_comes_back_of_it(now, sold, relayed):
    till, _ticket = sold(sponsor_shares=SHARES)
    relayed(now)
    assert borne() == {"brand:acme": 1_000, "operator:east": 667, "platform": 333}
    seller = Transfer.objects.filter(code="coupon.bear").values_list("credit__code", flat=True)
    assert set(seller) == {f"sales.coupon:{till.operator_code}"}

    back = {"till": till, "number": "T-1", "actor": SYSTEM, "now": now}
    redemption_return(**back, return_no="R1", amount_fen=1_000)
    relayed(now)
    assert borne() == {"brand:acme": 800, "operator:east": 534, "platform": 266}
    redemption_return(**back, return_no="R2", amount_fen=4_000)
    relayed(now)
    assert borne() == {}


def test_a_ticket_that_is_reversed_before_it_was_booked_is_never_booked(now, sold, relayed):
    till, _ticket = sold()
    redemption_reverse(till=till, number="T-1", actor=SYSTEM, now=now)
    relayed(now)
    assert Transfer.objects.filter(code__startswith="coupon.").count() == 0

    till, ticket = sold("T-2")
    relayed(now)
    redemption_reverse(till=till, number="T-2", actor=SYSTEM, now=now)
    relayed(now)
    assert borne() == {}
    events = list(Event.objects.filter(kind="coupons.ticket_changed"))
    tickets_borne([*events, *events], now)
    assert Transfer.objects.filter(reference=ticket.no).count() == 2


@pytest.mark.corrupts
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stores_transfer SET amount = amount + 1 WHERE code = 'coupon.bear'",
        "DELETE FROM stores_transfer WHERE code = 'coupon.unbear'",
        "UPDATE stores_transfer SET key = 'borne:0:0:x' WHERE code = 'coupon.unbear'",
        "UPDATE stores_transfer SET debit_id = credit_id, credit_id = debit_id"
        " WHERE code = 'coupon.bear'",
        "UPDATE stores_transfer SET credit_id = (SELECT id FROM stores_account"
        " WHERE code = 'sales.coupon:other') WHERE code = 'coupon.bear'",
        "UPDATE stores_transfer SET reference = 'SO9' WHERE code = 'coupon.bear'",
        "UPDATE coupons_redemption SET returned_fen = returned_fen - 1",
    ],
)
@pytest.mark.parametrize("channel", ["mall", "store"])
def test_what_the_audit_line_of_who_bears_it_catches(now, sold, relayed, change, channel):
    from stores.ledger import AccountSpec, accounts_ensure

    accounts_ensure([AccountSpec("sales.coupon:other")])
    if channel == "mall":
        sale = mixed_sale(now=now)
        give_back(sale.order, [(0, 1)], now=now)
        pay = Event.objects.filter(kind="mall.order_paid")
        Redemption.objects.update(returned_fen=0)
        coupons_borne(list(pay), now)
        Redemption.objects.update(returned_fen=1_404)
        relayed(now)
    else:
        till, _ticket = sold()
        relayed(now)
        redemption_return(
            till=till, number="T-1", return_no="R1", amount_fen=1_000, actor=SYSTEM, now=now
        )
        relayed(now)
    assert "coupon_borne.adds_up" not in fired()

    plant(change, table=change.split()[2 if change.startswith("DELETE") else 1])

    assert "coupon_borne.adds_up" in fired()
