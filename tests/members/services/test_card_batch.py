from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.approvals import approval_decide
from config.kernel.clock import local_date
from config.kernel.errors import Conflict, NotFound
from config.kernel.models import Event
from config.kernel.numbers import code_shown
from members.activation import activation_code, code_hash
from members.models import Card, CardActivation, CardBatch
from members.selectors import card_lots
from members.services.card_activate import ActivationUnknown, ActivationUsed, card_activate
from members.services.card_batch import (
    CardBatchInvalid,
    card_batch_make,
    card_batch_sell,
    card_batch_void,
)
from members.services.card_batch_payout import BatchNotVoid, card_batch_payout
from members.services.card_identity import CardIdentityMissing, card_identity_record
from members.services.card_lot import CardAmountRefused, CardCashRefused, CardLimitExceeded
from members.services.card_payback import PaybackPaid, PaybackReceiptWrong
from stores.ledger import AccountSpec, DuplicateTransfer, accounts_ensure
from stores.models import Account, Transfer
from tests.factories import (
    make_card_product,
    make_member,
    make_operator,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def product():
    return make_card_product(
        operator=make_operator(code="issuer"),
        named=False,
        price_fen=50_000,
        bonus_fen=0,
        limit_fen=100_000,
    )


def sell(product, now, **fields):
    return card_batch_sell(
        **{
            "card_product_id": product.pk,
            "count": 3,
            "payer": "company",
            "way": "transfer",
            "funding_account_id": accounts_ensure([AccountSpec("bank:issuer")])["bank:issuer"],
            "reference": "HT-2026-001",
            "key": "HT-2026-001",
            "actor": SYSTEM,
            "now": now,
            **fields,
        }
    )


def sold(product, now, **fields):
    batch = sell(product, now, **fields)
    while card_batch_make(batch_id=batch.pk):
        pass
    return batch


def activate(batch, serial, member, now, **fields):
    return card_activate(
        code=activation_code(batch.no, serial),
        member_id=member.pk,
        actor=SYSTEM,
        now=now,
        **fields,
    )


def balance(batch):
    return Account.objects.get(pk=batch.account_id).balance


def test_a_batch_is_paid_at_once_and_its_money_waits(product, now):
    batch = sell(product, now, activate_days=90)
    assert (batch.principal_fen, batch.made, balance(batch)) == (50_000, 0, 150_000)
    assert batch.activate_until == now + timedelta(days=90)
    paid = Transfer.objects.get()
    assert (paid.code, paid.debit.code, paid.amount, paid.reference) == (
        "card.batch",
        "bank:issuer",
        150_000,
        batch.no,
    )
    assert Event.objects.get(kind="members.card_batch_sold").payload == {
        "count": 3,
        "principal_fen": 50_000,
    }
    assert not Card.objects.exists()


def test_codes_are_made_in_portions_and_only_their_hashes_are_kept(product, now):
    batch = sell(product, now)
    assert [card_batch_make(batch_id=batch.pk, limit=2) for _n in range(3)] == [2, 1, 0]
    rows = list(CardActivation.objects.order_by("serial").values_list("serial", "code_hash"))
    codes = [activation_code(batch.no, serial) for serial in (1, 2, 3)]
    assert rows == [(n, code_hash(code)) for n, code in enumerate(codes, start=1)]
    assert len(set(codes)) == 3 and {len(code) for code in codes} == {16}


def test_a_code_is_read_as_people_type_it():
    code = activation_code("CB1", 7)
    assert code_shown(code).count("-") == 3
    assert code_hash(code_shown(code).lower()) == code_hash(f" {code} ") == code_hash(code)
    assert code_hash("OIL0") == code_hash("0110")


def test_an_activated_code_is_a_card_out_of_the_batch(product, now):
    batch = sold(product, now, bonus_fen=5_000)
    member, later = make_member(phone=None), now + timedelta(days=10)
    card = activate(batch, 2, member, later)

    assert (card.member, card.product, card.state) == (member, product, "active")
    assert card.expires_at == now + timedelta(days=1_096)
    (lot,) = card_lots(member_id=member.pk)
    assert (lot.principal_fen, lot.bonus_fen, balance(batch)) == (50_000, 5_000, 100_000)
    row = CardActivation.objects.get(serial=2)
    assert (row.state, row.card, row.member, row.ended_at) == ("used", card, member, later)
    event = Event.objects.get(kind="members.card_activation_changed")
    assert (event.from_state, event.to_state, event.payload) == (
        "open",
        "used",
        {"batch_id": batch.pk},
    )


def test_a_code_works_once(product, now):
    batch = sold(product, now)
    activate(batch, 1, make_member(), now)
    with pytest.raises(ActivationUsed) as refused:
        activate(batch, 1, make_member(), now)
    assert (refused.value.code, refused.value.status) == ("activation_used", 409)
    assert (Card.objects.count(), balance(batch)) == (1, 100_000)


def test_a_guessed_code_is_unknown(product, now):
    sold(product, now)
    with pytest.raises(ActivationUnknown) as refused:
        card_activate(code="0" * 16, member_id=make_member().pk, actor=SYSTEM, now=now)
    assert (refused.value.code, refused.value.status) == ("activation_unknown", 404)


def test_a_code_has_its_time(product, now):
    batch = sold(product, now, activate_days=90)
    with pytest.raises(ActivationUsed):
        activate(batch, 1, make_member(), now + timedelta(days=90))
    assert not Card.objects.exists()


def test_a_named_card_of_a_batch_is_for_somebody_known(now):
    product = make_card_product(price_fen=50_000, bonus_fen=0)
    company = card_identity_record(
        member_id=None,
        name="申悦百货有限公司",
        number="91350100M000100Y43",
        kind="company",
        actor=SYSTEM,
        now=now,
    )
    with pytest.raises(CardIdentityMissing):
        sell(product, now)
    batch = sold(product, now + timedelta(days=9), identity_id=company.pk)
    company.refresh_from_db()
    assert company.keep_until == now + timedelta(days=9 + 5 * 366)
    with pytest.raises(CardIdentityMissing):
        activate(batch, 1, make_member(phone=None), now)
    assert CardActivation.objects.get(serial=1).state == "open"
    assert activate(batch, 1, make_member(), now).expires_at is None


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"count": 0}, CardBatchInvalid),
        ({"count": 100_001}, CardBatchInvalid),
        ({"principal_fen": 49_999}, CardAmountRefused),
        ({"bonus_fen": 50_001}, CardLimitExceeded),
        # ¥5,000 of a company, ¥50,000 of a person: not in cash.
        ({"count": 10, "way": "cash"}, CardCashRefused),
        ({"count": 100, "way": "cash", "payer": "person"}, CardCashRefused),
        # ¥10,000 of unnamed cards at once: the buyer is on record.
        ({"count": 20}, CardIdentityMissing),
        ({"identity_id": 0}, NotFound),
        ({"card_product_id": 0}, NotFound),
    ],
)
def test_a_batch_that_the_rules_do_not_allow_leaves_no_trace(product, now, fields, error):
    with pytest.raises(error):
        sell(product, now, **fields)
    assert not CardBatch.objects.exists()
    assert not Transfer.objects.exists()


def test_a_little_may_be_paid_in_cash(product, now):
    assert sell(product, now, count=9, way="cash").way == "cash"


def test_a_contract_is_sold_once(product, now):
    sell(product, now)
    with pytest.raises(DuplicateTransfer):
        sell(product, now)
    assert CardBatch.objects.count() == 1


def test_what_is_left_of_a_batch_is_voided_and_its_money_waits_for_the_buyer(product, now):
    batch = sell(product, now)
    card_batch_make(batch_id=batch.pk, limit=2)
    activate(batch, 1, make_member(), now)

    left = card_batch_void(batch_id=batch.pk, reason="returned", actor=SYSTEM, now=now)

    # One code that was made, and one that was not.
    assert (left, balance(batch)) == (100_000, 0)
    paid = Transfer.objects.get(code="card.batch_void")
    assert (paid.credit.code, paid.amount) == ("card.payable:issuer", 100_000)
    with pytest.raises(ActivationUsed):
        activate(batch, 2, make_member(), now)
    assert card_batch_make(batch_id=batch.pk) == 0
    states = CardActivation.objects.order_by("serial").values_list("state", flat=True)
    assert list(states) == ["used", "void"]
    assert Event.objects.get(kind="members.card_batch_voided").payload == {
        "count": 1,
        "amount_fen": 100_000,
    }
    with pytest.raises(Conflict):
        card_batch_void(batch_id=batch.pk, reason="again", actor=SYSTEM, now=now)


def payout(batch, user, now, **changes):
    fields = {"reference": "B-1", "paid_on": local_date(now), "reason": "?", **changes}
    return card_batch_payout(batch_id=batch.pk, user=user, now=now, **fields)


def paid_out():
    rows = Transfer.objects.filter(code="card.batch_payout")
    return [(t.debit.code, t.credit.code, t.amount) for t in rows]


def test_what_was_left_of_a_void_batch_goes_to_its_buyer_once(product, now):
    # given
    batch = sell(product, now, count=5)
    finance = make_staff(role="finance", operator=batch.operator, since=now)
    with pytest.raises(BatchNotVoid) as refused:
        payout(batch, finance, now)
    assert refused.value.code == "card_batch_not_void"
    left = card_batch_void(batch_id=batch.pk, reason="returned", actor=SYSTEM, now=now)
    for wrong in ({"reference": " "}, {"paid_on": local_date(now) + timedelta(days=1)}):
        with pytest.raises(PaybackReceiptWrong):
            payout(batch, make_user(superuser=True), now, **wrong)
    assert paid_out() == []

    # when it is more than finance pays alone
    assert left > 200_000
    approval = payout(batch, finance, now)
    assert (approval.kind, approval.amount_fen) == ("members.card_batch_payout", left)
    assert paid_out() == []
    checker = make_staff(role="finance", operator=batch.operator, since=now)
    approval_decide(approval_id=approval.pk, approve=True, user=checker, now=now)

    # then
    assert paid_out() == [("card.payable:issuer", "bank:issuer", left)]
    batch.refresh_from_db()
    assert (batch.paid_at, batch.paid_on, batch.paid_reference) == (now, local_date(now), "B-1")
    event = Event.objects.get(kind="members.card_batch_paid_out")
    assert (event.subject_id, event.payload) == (batch.pk, {"amount_fen": left})
    with pytest.raises(PaybackPaid):
        payout(batch, make_user(superuser=True), now)
    assert len(paid_out()) == 1


@pytest.mark.parametrize("do", [card_batch_make, card_batch_void])
def test_an_unknown_batch(do, now):
    fields = {} if do is card_batch_make else {"reason": "?", "actor": SYSTEM, "now": now}
    with pytest.raises(NotFound):
        do(batch_id=0, **fields)
