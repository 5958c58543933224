"""Each audit line of coupons, and the corruption it catches."""

from datetime import timedelta

import pytest
from django.db import connection, transaction

from config.kernel import audit
from coupons.guards import coupon_lock, coupon_redeem, coupon_return
from coupons.models import Coupon, Redemption, Template
from tests.factories import make_coupon, make_member, make_template

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]
CODES = {line.code for line in audit.lines() if line.code.startswith("coupon.")}


def caught() -> set[str]:
    return {f.line.code for f in audit.run(CODES) if f.violations}


def drop(constraint: str, table: str) -> None:
    """Take away what would refuse the corruption; the test's rollback brings it back."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS "{constraint}";'
            f'DROP INDEX IF EXISTS "{constraint}"'
        )


@pytest.fixture
def used(now) -> Coupon:
    """A coupon of a template with a budget, used in the mall."""
    member = make_member()
    coupon = make_coupon(member, template=make_template(budget_fen=10_000, per_member=2))
    uses = [(coupon.pk, 2_000)]
    with transaction.atomic():
        coupon_lock(uses=uses, member_id=member.pk, reference="SO1", now=now)
        coupon_redeem(uses=uses, member_id=member.pk, reference="SO1", channel="mall", now=now)
    coupon.refresh_from_db()
    return coupon


def test_there_are_twenty_lines_and_a_clean_history_passes(used):
    assert len(CODES) == 20
    assert caught() == set()


def test_two_live_redemptions_are_caught(used, now):
    drop("coupons_redemption_one_live", "coupons_redemption")
    Redemption.objects.create(
        coupon=used, channel="store", reference="POS1", amount_fen=1, key="k", redeemed_at=now
    )

    assert "coupon.one_use" in caught()


def test_a_use_without_a_redemption_is_caught(used):
    Redemption.objects.all().delete()

    assert {"coupon.used_is_redeemed", "coupon.budget"} == caught()


def test_a_use_outside_the_validity_is_caught(now):
    member = make_member()
    coupon = make_coupon(member)
    coupon_redeem(
        uses=[(coupon.pk, 1)], member_id=member.pk, reference="S1", channel="store", now=now
    )
    assert caught() == set()

    Redemption.objects.update(redeemed_at=coupon.valid_until)

    assert caught() == {"coupon.use_in_validity"}


def test_a_use_before_the_validity_is_caught(now):
    coupon = make_coupon(make_member())
    coupon_redeem(
        uses=[(coupon.pk, 1)], member_id=coupon.member_id, reference="S1", channel="store", now=now
    )

    Redemption.objects.update(redeemed_at=coupon.valid_from - timedelta(seconds=1))

    assert caught() == {"coupon.use_in_validity"}


def test_a_use_in_time_of_what_was_locked_too_late_is_caught(used, now):
    """When its order was placed is what counts."""
    until = now - timedelta(seconds=1)
    Coupon.objects.update(valid_from=now - timedelta(days=2), valid_until=until)
    Redemption.objects.update(redeemed_at=until - timedelta(hours=1))
    assert caught() == set()

    Redemption.objects.update(redeemed_at=now)

    assert caught() == {"coupon.use_in_validity"}


def test_a_wrong_count_of_issued_coupons_is_caught(used):
    Template.objects.update(issued=2)

    assert caught() == {"coupon.issued"}


def test_more_than_the_quota_is_caught(used, now):
    drop("coupons_template_within_quota", "coupons_template")
    Template.objects.update(quota=0)

    assert caught() == {"coupon.issued"}


def test_more_than_a_member_may_have_is_caught(used):
    Template.objects.update(per_member=0)

    assert caught() == {"coupon.per_member"}


def test_a_claim_outside_the_window_is_caught(used, now):
    Template.objects.update(claim_from=now + timedelta(minutes=1))

    assert caught() == {"coupon.claim_window"}


def test_a_claim_after_the_window_is_caught(used, now):
    Template.objects.update(claim_from=now - timedelta(days=9), claim_until=now)

    assert caught() == {"coupon.claim_window"}


def test_a_wrong_sum_of_spending_is_caught(used):
    Template.objects.update(spent_fen=1_999)

    assert caught() == {"coupon.budget"}


def test_more_than_the_budget_is_caught(used):
    drop("coupons_template_within_budget", "coupons_template")
    Template.objects.update(budget_fen=1_999)

    assert caught() == {"coupon.budget"}


def test_a_coupon_that_comes_back_without_its_use_being_reversed_is_caught(used, now):
    coupon_return(reference="SO1", now=now)
    assert caught() == set()

    Redemption.objects.all().delete()

    assert caught() == {"coupon.returned_once"}


def test_a_coupon_that_came_back_for_a_day_only_is_caught(used, now):
    coupon_return(reference="SO1", now=now)

    Coupon.objects.update(valid_until=now + timedelta(days=1))

    assert "coupon.returned_life" in caught()


def test_a_state_without_its_event_is_caught(used):
    coupon = make_coupon(make_member())
    Coupon.objects.filter(pk=coupon.pk).update(state="expired")

    assert caught() == {"coupon.states"}
