"""Codes, numbers, errors, states and the clock."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils.crypto import salted_hmac

from config.kernel import clock
from config.kernel.codes import CodeInvalid, code_issue, code_resolve
from config.kernel.errors import Conflict, DomainError, IllegalTransition
from config.kernel.numbers import keyed_hash, new_no, random_code, random_digits
from config.kernel.states import compare_and_set, ensure_allowed
from members.models import Message
from members.states import MESSAGE_MACHINE
from tests.factories import make_member

SCENE = set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ!#$&'()*+,/:;=?@-._~")


@pytest.mark.django_db
def test_a_code_stands_for_what_it_was_issued_for(now):
    code = code_issue(
        purpose="product", owner_type="guide", owner_id=7, payload={"product": "sp1"}, now=now
    )

    found = code_resolve(token=code.token, now=now)

    assert found.pk == code.pk
    assert (found.purpose, found.owner_id, found.payload) == ("product", 7, {"product": "sp1"})
    # It fits the scene of a mini-program code.
    assert len(code.token) <= 32
    assert set(code.token) <= SCENE


@pytest.mark.django_db
def test_a_code_ends(now):
    until = now + timedelta(days=1)
    code = code_issue(purpose="gift", owner_type="member", owner_id=1, valid_until=until, now=now)

    assert code_resolve(token=code.token, now=until - timedelta(seconds=1)).pk == code.pk
    with pytest.raises(CodeInvalid):
        code_resolve(token=code.token, now=until)


@pytest.mark.django_db
@pytest.mark.parametrize("token", ["", "0000000000000000", "x" * 200])
def test_an_unknown_code_is_refused(token, now):
    with pytest.raises(CodeInvalid) as error:
        code_resolve(token=token, now=now)

    assert (error.value.code, error.value.status) == ("code_invalid", 404)


def test_a_keyed_hash_is_djangos_and_follows_the_secret(settings):
    def by_django():
        return salted_hmac("a.salt", "7Q2M", algorithm="sha256").digest()

    before = keyed_hash("a.salt", "7Q2M")
    assert before == by_django()

    settings.SECRET_KEY = "another secret"
    assert before != keyed_hash("a.salt", "7Q2M") == by_django()


def test_numbers_are_short_distinct_and_unambiguous():
    numbers = {new_no("SO") for _ in range(200)}

    assert len(numbers) == 200
    assert {len(no) for no in numbers} == {18}
    assert all(no.startswith("SO") for no in numbers)
    assert not set("ILOU") & set("".join(no[2:] for no in numbers))
    assert len(random_code(26)) == 26
    digits = random_digits(8)
    assert len(digits) == 8
    assert digits.isdigit()


def test_an_error_says_its_parameters():
    class Missing(DomainError):
        code = "test_missing"
        message = "There are only {left} of {name}."

    error = Missing(left=3, name="{odd}")

    assert str(error) == "There are only 3 of {odd}."
    assert error.params == {"left": 3, "name": "{odd}"}
    assert str(DomainError("As it is: {left}")) == "As it is: {left}"


def test_a_step_that_the_machine_lacks_is_refused():
    machine = {"open": frozenset({"closed"})}

    ensure_allowed(machine, "open", "closed")
    for from_state, to_state in [("closed", "open"), ("open", "open"), ("odd", "closed")]:
        with pytest.raises(IllegalTransition) as error:
            ensure_allowed(machine, from_state, to_state)
        assert error.value.params == {"from_state": from_state, "to_state": to_state}


@pytest.fixture
def message(now):
    return Message.objects.create(
        member=make_member(),
        template="order_paid",
        key="m1",
        state="pending",
        created_at=now,
        next_attempt_at=now,
    )


@pytest.mark.django_db
@pytest.mark.corrupts
def test_a_row_moves_with_its_fields_and_the_instance_follows(message):
    assert compare_and_set(message, MESSAGE_MACHINE, "sending", attempts=1) == (
        "pending",
        "sending",
    )

    assert (message.state, message.attempts) == ("sending", 1)
    message.refresh_from_db()
    assert (message.state, message.attempts) == ("sending", 1)


@pytest.mark.django_db
@pytest.mark.corrupts
def test_only_one_of_two_readers_moves_a_row(message):
    stale = Message.objects.get(pk=message.pk)
    compare_and_set(message, MESSAGE_MACHINE, "sending")

    with pytest.raises(Conflict):
        compare_and_set(stale, MESSAGE_MACHINE, "refused", last_error="late")

    message.refresh_from_db()
    assert (message.state, message.last_error) == ("sending", "")
    assert stale.state == "pending"


def test_the_date_on_the_wall_in_china():
    evening = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)

    assert clock.local_date(evening).isoformat() == "2026-03-02"
    assert clock.day_start(evening) == datetime(2026, 3, 1, 16, 0, tzinfo=UTC)
