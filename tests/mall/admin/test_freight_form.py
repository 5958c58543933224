"""What parcels cost is typed zone by zone."""

import pytest

from config.kernel.models import PolicyVersion
from tests.factories import make_operator, make_user, publish_policy, staff_client
from tests.factories.orders import FREIGHT
from tests.kernel.admin.test_policy_forms import errors_of, send, shown

pytestmark = pytest.mark.django_db

DRAFT = "/admin/kernel/policyversion/command/draft-freight/"


@pytest.fixture
def boss():
    make_operator(code="east")
    return staff_client(make_user(superuser=True))


def test_zones_are_typed_row_by_row(boss):
    answer = send(
        boss,
        DRAFT,
        scope="east",
        confirm_days="10",
        not_to="65，331022",
        regions_1="31 33",
        fee_fen_1="8",
        free_from_fen_1="300",
        fee_fen_2="12.00",
        first_pieces_2="2",
        more_fen_2="1.5",
    )

    assert answer.status_code == 302
    draft = PolicyVersion.objects.get()
    assert (draft.kind, draft.scope) == ("freight", "east")
    assert draft.body == FREIGHT | {"not_to": ["65", "331022"]}


def test_what_is_in_force_is_shown_and_a_zone_without_a_fee_goes(boss):
    published = publish_policy(kind="freight", body=FREIGHT)
    fields = shown(boss, DRAFT)
    assert (fields["regions_1"], fields["fee_fen_1"]) == ("31, 33", "8.00")
    assert (fields["regions_2"], fields["more_fen_2"]) == ("", "1.50")
    assert fields["not_to"] == "65, 331022"

    send(boss, DRAFT, fee_fen_2="", first_pieces_2="", more_fen_2="")

    draft = PolicyVersion.objects.exclude(pk=published.pk).get()
    assert draft.body == FREIGHT | {"zones": FREIGHT["zones"][:1]}


@pytest.mark.parametrize(
    ("typed", "wrong"),
    [
        ({"regions_1": "31"}, "fee_fen_1"),
        ({"fee_fen_1": "8", "regions_1": "3"}, "regions_1"),
        ({"fee_fen_1": "8", "regions_1": "31,31"}, "regions_1"),
        ({"fee_fen_1": "8", "regions_1": "31", "not_to": "31"}, "regions_1"),
        ({"fee_fen_1": "8", "fee_fen_2": "9"}, "regions_2"),
        ({"fee_fen_1": "8", "more_fen_1": "1"}, "first_pieces_1"),
        ({"fee_fen_1": "8", "first_pieces_1": "2"}, "more_fen_1"),
        ({"fee_fen_1": "1000.01"}, "fee_fen_1"),
    ],
)
def test_a_zone_that_cannot_be_is_refused_where_it_is_wrong(boss, typed, wrong):
    answer = send(boss, DRAFT, **({"confirm_days": "10"} | typed))

    assert wrong in errors_of(answer)
    assert not PolicyVersion.objects.exists()
