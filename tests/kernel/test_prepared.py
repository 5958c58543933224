"""Prepared statements outlive a refusal, and do not outlive what they are about."""

import pytest
from django.db import ProgrammingError, connection, transaction

from config.kernel.prepared import Kept

STATEMENT = "SELECT id FROM kernel_event WHERE id = %s"


class Refused(Exception):
    pass


def ask(sql: str, *values: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        cursor.fetchall()


def prepared() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT id FROM%'"
        )
        return cursor.fetchone()[0]


@pytest.fixture
def own_connection(transactional_db):
    connection.close()
    yield
    connection.close()


def refused(*, savepoint: bool = False) -> None:
    with transaction.atomic():
        try:
            with transaction.atomic(savepoint=savepoint):
                ask(STATEMENT, 1)
                raise Refused
        except Refused:
            if not savepoint:
                transaction.set_rollback(True)


@pytest.mark.parametrize("savepoint", [False, True])
def test_a_rollback_keeps_what_was_prepared(own_connection, savepoint):
    for n in range(4):
        ask(STATEMENT, n)
    assert prepared() == 1

    refused(savepoint=savepoint)

    assert prepared() == 1
    assert type(connection.connection._prepared) is Kept
    ask(STATEMENT, 9)


def test_a_statement_that_fails_once_prepared_is_used_again(own_connection):
    for n in (1, 2, 3):
        ask("SELECT id FROM kernel_event WHERE id = 1 / %s::int", n)

    with pytest.raises(Exception, match="division by zero"), transaction.atomic():
        ask("SELECT id FROM kernel_event WHERE id = 1 / %s::int", 0)

    ask("SELECT id FROM kernel_event WHERE id = 1 / %s::int", 1)


def test_what_was_prepared_for_a_table_that_came_to_nothing_is_thrown_away(own_connection):
    with transaction.atomic():
        ask_nothing("CREATE TABLE kernel_passing (id int)")
        for n in range(4):
            ask("SELECT id FROM kernel_passing WHERE id = %s", n)
        assert prepared() == 1
        transaction.set_rollback(True)

    assert prepared() == 0
    with pytest.raises(ProgrammingError):
        ask("SELECT id FROM kernel_passing WHERE id = %s", 1)
    # Afterwards rollbacks keep what is prepared as before.
    for n in range(4):
        ask(STATEMENT, n)
    refused()
    assert prepared() == 1


def test_an_altered_table_is_read_as_it_is(own_connection):
    with transaction.atomic():
        ask_nothing("CREATE TEMP TABLE kernel_passing (id int)")
        for n in range(4):
            ask("SELECT * FROM kernel_passing WHERE id = %s", n)
        ask_nothing("ALTER TABLE kernel_passing ADD more int")
        ask("SELECT * FROM kernel_passing WHERE id = %s", 1)
        transaction.set_rollback(True)


def ask_nothing(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)
