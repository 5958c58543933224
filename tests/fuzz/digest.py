"""What the database holds, as one number per table: to say that nothing changed, anywhere."""

from functools import cache

from django.apps import apps
from django.db import connection

# When a session and a till were last heard of is written whatever they say.
HEARD = {"kernel_session": "", "django_session": "", "stores_terminal": "last_seen_at"}


@cache
def _statement() -> str:
    tables = sorted(
        model._meta.db_table
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and HEARD.get(model._meta.db_table) != ""
    )
    return " UNION ALL ".join(
        f"SELECT '{table}', count(*), sum(hashtextextended({_row(table)}, 0)) FROM \"{table}\" t"
        for table in tables
    )


def _row(table: str) -> str:
    return f"(to_jsonb(t) - '{HEARD[table]}')::text" if table in HEARD else "t::text"


def contents() -> dict[str, tuple[int, int | None]]:
    """Table → (rows, a sum over what they hold)."""
    with connection.cursor() as cursor:
        cursor.execute(_statement())
        return {table: (rows, total) for table, rows, total in cursor.fetchall()}


def difference(before: dict, after: dict) -> list[str]:
    return sorted(table for table in before if before[table] != after[table])
