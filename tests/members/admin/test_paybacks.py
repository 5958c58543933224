"""Finance pays closed cards out: by bank transfer or in cash, with its receipt."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.actors import SYSTEM
from config.kernel.approvals import approval_decide
from config.kernel.clock import local_date
from config.kernel.models import Approval, Event
from members.models import CardPaybackLine
from members.services.card_close import card_close_refund
from members.services.card_identity import card_identity_record
from members.services.card_payback import PaybackPaid, card_payback_pay
from stores.models import Transfer
from tests.factories import make_card, make_member, make_operator, make_staff, staff_client

pytestmark = pytest.mark.django_db


@pytest.fixture
def operator():
    return make_operator(code="issuer")


def closed(operator, now, *, fen=10_000, cash=False, known=True) -> CardPaybackLine:
    """A line that waits, of a card that was paid in cash."""
    member = make_member()
    identity = card_identity_record(
        member_id=member.pk, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    card = make_card(member, principal_fen=fen, bonus_fen=0, operator=operator, now=now)
    payback = card_close_refund(card_id=card.pk, reason="?", actor=SYSTEM, now=now, cash=cash)
    if not known:
        identity.replaced_at = now
        identity.save()
    return payback.lines.get()


def address(line, page="command", *args):
    return reverse(f"admin:members_cardpaybackline_{page}", args=[line.pk, *args])


def receipt(now, **changes):
    return {
        "paid_on": local_date(now).isoformat(),
        "reference": " B-778 ",
        "reason": "已转账",
        **changes,
    }


def payouts():
    rows = Transfer.objects.filter(code="card.payout").order_by("id")
    return [(t.debit.code, t.credit.code, t.amount) for t in rows]


def waits(line):
    line.refresh_from_db()
    return (line.state, line.paid_at, line.paid_reference) == ("waiting", None, "")


@pytest.mark.parametrize(("cash", "till"), [(False, "bank:issuer"), (True, "cash:issuer")])
def test_it_is_paid_out_once_with_its_receipt(operator, now, cash, till):
    # given
    line = closed(operator, now, cash=cash)
    user = make_staff(operator=operator, role="finance", since=now)
    client = staff_client(user)
    shown = client.get(address(line, "command", "paid")).content.decode()
    assert "¥100.00" in shown and "张*" in shown

    # when
    assert client.post(address(line, "command", "paid"), receipt(now)).status_code == 302

    # then
    line.refresh_from_db()
    assert (line.state, line.paid_on, line.paid_reference, line.paid_by_id) == (
        "paid",
        local_date(now),
        "B-778",
        user.pk,
    )
    assert payouts() == [("card.payable:issuer", till, 10_000)]
    event = Event.objects.get(kind="members.card_payback_changed", to_state="paid")
    assert (event.subject_id, event.from_state, event.actor_id, event.reason) == (
        line.pk,
        "waiting",
        str(user.pk),
        "已转账",
    )

    # and not twice
    again = client.post(address(line, "command", "paid"), receipt(now, reference="B-779"))
    assert again.status_code == 409
    assert len(payouts()) == 1


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"days": 1}, "not yet"),
        ({"days": -1}, "before it was closed"),
        ({"reference": "  "}, "no receipt"),
        ({"known": False}, "nobody on record"),
    ],
)
def test_without_a_sound_receipt_nothing_is_paid(operator, now, changes, why):
    line = closed(operator, now, known=changes.get("known", True))
    client = staff_client(make_staff(operator=operator, role="finance", since=now))
    day = local_date(now) + timedelta(days=changes.get("days", 0))
    data = receipt(now, paid_on=day.isoformat())
    data["reference"] = changes.get("reference", data["reference"])

    assert client.post(address(line, "command", "paid"), data).status_code != 302, why

    assert waits(line)
    assert payouts() == []


def test_much_of_it_waits_for_a_second_person(operator, now):
    # given more than finance pays alone
    line = closed(operator, now, fen=200_100)
    maker = make_staff(operator=operator, role="finance", since=now)
    client = staff_client(maker)

    # when
    assert client.post(address(line, "command", "paid"), receipt(now)).status_code == 302
    assert waits(line)
    approval = Approval.objects.get()
    assert (approval.kind, approval.amount_fen) == ("members.card_payout", 200_100)
    checker = make_staff(operator=operator, role="finance", since=now)
    approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    # then it is the maker's payment
    line.refresh_from_db()
    assert (line.state, line.paid_by_id) == ("paid", maker.pk)
    assert payouts() == [("card.payable:issuer", "bank:issuer", 200_100)]


def test_what_was_paid_meanwhile_is_not_approved(operator, now):
    line = closed(operator, now, fen=200_100)
    maker = make_staff(operator=operator, role="finance", since=now)
    staff_client(maker).post(address(line, "command", "paid"), receipt(now))
    card_payback_pay(
        line_id=line.pk,
        reference="B-1",
        paid_on=local_date(now),
        user_id=maker.pk,
        reason="?",
        actor=SYSTEM,
        now=now,
    )
    checker = make_staff(operator=operator, role="finance", since=now)

    with pytest.raises(PaybackPaid) as refused:
        approval_decide(approval_id=Approval.objects.get().pk, approve=True, user=checker, now=now)

    assert refused.value.code == "payback_paid"
    assert len(payouts()) == 1


def test_the_list_shows_what_waits(operator, now):
    line = closed(operator, now)
    other = closed(make_operator(), now)
    client = staff_client(make_staff(operator=operator, role="finance", since=now))
    page = reverse("admin:members_cardpaybackline_changelist")

    shown = client.get(page, {"state__exact": "waiting", "way__in": "transfer,cash"})
    assert [row.pk for row in shown.context["cl"].result_list] == [line.pk]
    assert client.get(page, {"state__exact": "paid"}).context["cl"].result_count == 0
    assert client.post(address(other, "command", "paid"), receipt(now)).status_code == 404
    assert waits(other)


@pytest.mark.parametrize("role", ["service", "manager", "clerk", "auditor"])
def test_only_finance_pays_out(operator, now, role):
    line = closed(operator, now)
    client = staff_client(make_staff(operator=operator, role=role, since=now))
    assert client.post(address(line, "command", "paid"), receipt(now)).status_code == 403
    assert waits(line)
