"""Guards that only the database can keep: append-only tables."""

from django.db import migrations

IMMUTABLE_FUNCTION = (
    """
    CREATE FUNCTION kernel_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
      RAISE EXCEPTION '% is append-only', TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
    END $$
    """,
    "DROP FUNCTION kernel_refuse_change()",
)


def append_only(table: str) -> migrations.RunSQL:
    """A migration operation after which rows of ``table`` are neither changed nor deleted."""
    return migrations.RunSQL(
        f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
        " FOR EACH ROW EXECUTE FUNCTION kernel_refuse_change()",
        f"DROP TRIGGER {table}_append_only ON {table}",
    )
