"""Extensions and trigger functions that other apps' tables use."""

from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

from config.kernel.db import IMMUTABLE_FUNCTION

PUBLISHED = """
CREATE FUNCTION kernel_policy_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.published_at IS NOT NULL AND (TG_OP = 'DELETE' OR
     (NEW.kind, NEW.scope, NEW.version, NEW.body, NEW.published_at, NEW.effective_from)
     IS DISTINCT FROM
     (OLD.kind, OLD.scope, OLD.version, OLD.body, OLD.published_at, OLD.effective_from)) THEN
    RAISE EXCEPTION 'a published policy version is immutable' USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN COALESCE(NEW, OLD);
END $$;
CREATE TRIGGER kernel_policy_guard BEFORE UPDATE OR DELETE ON kernel_policyversion
  FOR EACH ROW EXECUTE FUNCTION kernel_policy_guard();
"""


class Migration(migrations.Migration):
    dependencies = [("kernel", "0001_initial")]
    operations = [
        TrigramExtension(),
        migrations.RunSQL(*IMMUTABLE_FUNCTION),
        migrations.RunSQL(
            PUBLISHED,
            "DROP TRIGGER kernel_policy_guard ON kernel_policyversion;"
            "DROP FUNCTION kernel_policy_guard();",
        ),
    ]
