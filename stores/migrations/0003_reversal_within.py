"""A transfer is given back at most once in full, whoever asks at the same moment."""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION stores_reversal_within() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE original bigint; given_back bigint;
BEGIN
  -- Serialises reversals of one transfer; the sum below then sees those committed before.
  SELECT amount INTO original FROM stores_transfer WHERE id = NEW.reverses_id FOR NO KEY UPDATE;
  SELECT sum(amount) INTO given_back FROM stores_transfer WHERE reverses_id = NEW.reverses_id;
  IF given_back > original THEN
    RAISE EXCEPTION 'transfer % would be reversed beyond its amount', NEW.reverses_id
      USING ERRCODE = 'check_violation', CONSTRAINT = 'stores_transfer_reverses_within';
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER stores_transfer_reverses_within AFTER INSERT ON stores_transfer
  FOR EACH ROW WHEN (NEW.reverses_id IS NOT NULL) EXECUTE FUNCTION stores_reversal_within();
"""


class Migration(migrations.Migration):
    dependencies = [("stores", "0002_append_only")]
    operations = [
        migrations.RunSQL(
            FUNCTION,
            "DROP TRIGGER stores_transfer_reverses_within ON stores_transfer;"
            "DROP FUNCTION stores_reversal_within()",
        )
    ]
