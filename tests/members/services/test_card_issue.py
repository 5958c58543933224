from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.models import Card, CardLot
from members.selectors import card_lots
from members.services.card_issue import CardLimitExceeded, card_issue
from stores.ledger import AccountSpec, DuplicateTransfer, accounts_ensure
from stores.models import Transfer
from tests.factories import make_card_product, make_member, make_operator

pytestmark = pytest.mark.django_db


def issue(product, member, now, key="SO1:0"):
    funding = accounts_ensure([AccountSpec("test:funding")])["test:funding"]
    return card_issue(
        member_id=member.pk,
        card_product_id=product.pk,
        funding_account_id=funding,
        reference="SO1",
        key=key,
        actor=SYSTEM,
        now=now,
    )


def test_a_card_has_its_principal_and_its_bonus(now):
    member = make_member()
    product = make_card_product(
        operator=make_operator(code="issuer"), price_fen=50_000, bonus_fen=5_000
    )
    card = issue(product, member, now)

    assert (card.state, card.member_id, card.expires_at) == ("active", member.pk, None)
    (lot,) = card_lots(member_id=member.pk)
    assert (lot.card_no, lot.principal_fen, lot.bonus_fen) == (card.no, 50_000, 5_000)
    rows = Transfer.objects.order_by("id").values_list("code", "debit__code", "amount", "reference")
    assert list(rows) == [
        ("card.issue", "test:funding", 50_000, "SO1"),
        ("card.bonus", "bonus.granted:issuer", 5_000, "SO1"),
    ]
    event = Event.objects.get(subject_type="card", subject_id=card.pk)
    assert (event.from_state, event.to_state) == ("", "active")


def test_without_a_bonus_there_is_no_transfer_of_nothing(now):
    member = make_member()
    issue(make_card_product(bonus_fen=0), member, now)
    assert Transfer.objects.get().code == "card.issue"
    assert card_lots(member_id=member.pk)[0].bonus_fen == 0


def test_an_unnamed_card_is_valid_for_three_years(now):
    product = make_card_product(named=False, price_fen=50_000, bonus_fen=0, limit_fen=100_000)
    card = issue(product, make_member(), now)
    assert card.expires_at >= now + timedelta(days=3 * 365 + 1)


def test_a_key_issues_one_card(now):
    product, member = make_card_product(), make_member()
    issue(product, member, now)
    with pytest.raises(DuplicateTransfer):
        issue(product, member, now)
    assert (Card.objects.count(), CardLot.objects.count()) == (1, 1)


@pytest.mark.parametrize(("named", "limit"), [(True, 500_000), (False, 100_000)])
def test_no_card_beyond_the_legal_limit(now, named, limit):
    with connection.cursor() as cursor:
        # What the table refuses to hold, the service refuses to issue all the same.
        cursor.execute(
            "ALTER TABLE members_cardproduct DROP CONSTRAINT members_cardproduct_within_limit"
        )
    product = make_card_product(named=named, price_fen=limit, bonus_fen=1, limit_fen=limit + 1)
    with pytest.raises(CardLimitExceeded):
        issue(product, make_member(), now)
    assert not Card.objects.exists() and not Transfer.objects.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"price_fen": 50_000, "bonus_fen": 1, "limit_fen": 50_000},
        {"price_fen": 50_000, "bonus_fen": 0, "limit_fen": 500_001},
        {"price_fen": 50_000, "bonus_fen": 0, "limit_fen": 100_001, "named": False},
    ],
)
def test_no_product_that_could_not_be_issued_is_put_on_sale(wrong):
    with pytest.raises(IntegrityError, match="within_limit"), transaction.atomic():
        make_card_product(**wrong)


def test_an_unknown_product_is_refused(now):
    with pytest.raises(NotFound):
        card_issue(
            member_id=make_member().pk,
            card_product_id=0,
            funding_account_id=0,
            reference="SO1",
            key="k",
            actor=SYSTEM,
            now=now,
        )
