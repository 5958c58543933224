"""Whatever comes back of a ticket, in whatever parts, ends on exactly what was paid."""

from hypothesis import given
from hypothesis import strategies as st

from coupons.models import CouponTicket, CouponTicketReturn
from mall.services.redemption_reverse import _worth


@st.composite
def tickets(draw) -> CouponTicket:
    """One to four lines; two promotions and two coupons that leave every line something or
    nothing."""
    lines, shares = [], []
    for _n in range(draw(st.integers(1, 4))):
        quantity, unit = draw(st.integers(1, 7)), draw(st.integers(1, 5_000))
        left, taken = quantity * unit, []
        for _rule in range(4):
            taken.append(draw(st.integers(0, left)))
            left -= taken[-1]
        lines.append({"sku": "x", "quantity": quantity, "unit_price_fen": unit, "net_fen": left})
        shares.append(taken)
    rules = [list(amounts) for amounts in zip(*shares, strict=True)]
    return CouponTicket(
        lines=lines,
        discounts=[{"id": n, "amounts": rules[n]} for n in (0, 1)],
        promotions=[{"promotion": str(n), "amounts": rules[n]} for n in (2, 3)],
    )


@given(st.data())
def test_parts_of_a_ticket_end_on_what_was_paid(data):
    ticket = data.draw(tickets())
    pieces = [place for place, x in enumerate(ticket.lines) for _n in range(x["quantity"])]
    before: list[CouponTicketReturn] = []
    refunds, by_coupon, by_promotions = [], {0: 0, 1: 0}, 0

    for place in data.draw(st.permutations(pieces)):
        gross, parts, promotion_fen = _worth(ticket, [[place, 1]], before)
        before.append(CouponTicketReturn(units=[[place, 1]]))
        refunds.append(gross - sum(parts.values()) - promotion_fen)
        by_coupon = {pk: fen + parts[pk] for pk, fen in by_coupon.items()}
        by_promotions += promotion_fen

    assert min(refunds) >= 0
    assert sum(refunds) == sum(x["net_fen"] for x in ticket.lines)
    assert by_coupon == {d["id"]: sum(d["amounts"]) for d in ticket.discounts}
    assert by_promotions == sum(sum(d["amounts"]) for d in ticket.promotions)
