"""Plant what the database would refuse, inside the test's rolled-back transaction."""

from django.db import connection

from config.kernel import audit


def plant(sql: str, *, table: str, drop: str = "") -> None:
    """Run ``sql`` with the triggers of ``table`` off and its constraint ``drop`` gone."""
    with connection.cursor() as cursor:
        # What is deferred must be checked before a table can be altered.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        if drop:
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {drop}")
        cursor.execute(sql)
        assert cursor.rowcount > 0, "nothing was planted"
        cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def fired() -> list[str]:
    """The codes of the lines that found something."""
    return [f.line.code for f in audit.run() if f.violations]
