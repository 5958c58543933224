import django.contrib.auth.models
import django.contrib.auth.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations, models

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
    replaces = [
        ("kernel", "0001_initial"),
        ("kernel", "0002_guards"),
        ("kernel", "0003_saved_filters_and_batches"),
        ("kernel", "0004_approval"),
        ("kernel", "0005_names"),
    ]
    initial = True

    dependencies = [
        ('auth', '0012_alter_user_first_name_max_length'),
    ]

    operations = [
        TrigramExtension(),
        migrations.RunSQL(*IMMUTABLE_FUNCTION),
        migrations.CreateModel(
            name='User',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('password', models.CharField(max_length=128, verbose_name='password')),
                ('last_login', models.DateTimeField(blank=True, null=True, verbose_name='last login')),
                ('is_superuser', models.BooleanField(default=False, help_text='Designates that this user has all permissions without explicitly assigning them.', verbose_name='superuser status')),
                ('username', models.CharField(error_messages={'unique': 'A user with that username already exists.'}, help_text='Required. 150 characters or fewer. Letters, digits and @/./+/-/_ only.', max_length=150, unique=True, validators=[django.contrib.auth.validators.UnicodeUsernameValidator()], verbose_name='username')),
                ('first_name', models.CharField(blank=True, max_length=150, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=150, verbose_name='last name')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='email address')),
                ('is_staff', models.BooleanField(default=False, help_text='Designates whether the user can log into this admin site.', verbose_name='staff status')),
                ('is_active', models.BooleanField(default=True, help_text='Designates whether this user should be treated as active. Unselect this instead of deleting accounts.', verbose_name='active')),
                ('date_joined', models.DateTimeField(default=django.utils.timezone.now, verbose_name='date joined')),
                ('groups', models.ManyToManyField(blank=True, help_text='The groups this user belongs to. A user will get all permissions granted to each of their groups.', related_name='user_set', related_query_name='user', to='auth.group', verbose_name='groups')),
                ('user_permissions', models.ManyToManyField(blank=True, help_text='Specific permissions for this user.', related_name='user_set', related_query_name='user', to='auth.permission', verbose_name='user permissions')),
            ],
            options={
                'verbose_name': 'user',
                'verbose_name_plural': 'users',
            },
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('no', models.CharField(max_length=32, unique=True, verbose_name='approval no')),
                ('kind', models.CharField(max_length=32, verbose_name='kind')),
                ('subject_type', models.CharField(max_length=64, verbose_name='subject type')),
                ('subject_id', models.BigIntegerField(verbose_name='subject')),
                ('params', models.JSONField(default=dict, verbose_name='parameters')),
                ('amount_fen', models.BigIntegerField(default=0, verbose_name='amount (fen)')),
                ('operator_id', models.BigIntegerField(null=True, verbose_name='operator')),
                ('store_id', models.BigIntegerField(null=True, verbose_name='store')),
                ('maker', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='maker')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('state', models.CharField(choices=[('pending', 'waiting for a decision'), ('approved', 'approved'), ('refused', 'refused'), ('withdrawn', 'withdrawn'), ('expired', 'expired')], max_length=10, verbose_name='state')),
                ('checker', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='checker')),
                ('checker_role', models.CharField(blank=True, max_length=16, verbose_name="checker's role")),
                ('limit_fen', models.BigIntegerField(null=True, verbose_name="checker's limit (fen)")),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('expires_at', models.DateTimeField(verbose_name='expires at')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided at')),
            ],
            options={
                'verbose_name': 'approval',
                'verbose_name_plural': 'approvals',
                'indexes': [models.Index(fields=['subject_type', 'subject_id'], name='kernel_approval_subject'), models.Index(condition=models.Q(('state', 'pending')), fields=['expires_at'], name='kernel_approval_waiting')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state', 'pending')), fields=('kind', 'subject_type', 'subject_id'), name='kernel_approval_one_pending'), models.CheckConstraint(condition=models.Q(('checker__isnull', True), models.Q(('checker', models.F('maker')), _negated=True), _connector='OR'), name='kernel_approval_two_people'), models.CheckConstraint(condition=models.Q(models.Q(('checker__isnull', False), ('state__in', ['approved', 'refused']), models.Q(('checker_role', ''), _negated=True)), models.Q(models.Q(('state__in', ['approved', 'refused']), _negated=True), ('checker__isnull', True), ('checker_role', '')), _connector='OR'), name='kernel_approval_decided_by'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('state', 'pending')), models.Q(models.Q(('state', 'pending'), _negated=True), ('decided_at__isnull', False)), _connector='OR'), name='kernel_approval_ended'), models.CheckConstraint(condition=models.Q(models.Q(('state', 'approved'), _negated=True), ('limit_fen__isnull', True), ('limit_fen__gte', models.F('amount_fen')), _connector='OR'), name='kernel_approval_within_limit'), models.CheckConstraint(condition=models.Q(('amount_fen__gte', 0)), name='kernel_approval_amount_not_negative'), models.CheckConstraint(condition=models.Q(('store_id__isnull', True), ('operator_id__isnull', False), _connector='OR'), name='kernel_approval_place'), models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('created_at'))), name='kernel_approval_period')],
            },
        ),
        migrations.CreateModel(
            name='Batch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32, verbose_name='kind')),
                ('source', models.CharField(blank=True, max_length=200, verbose_name='source')),
                ('subject', models.CharField(blank=True, max_length=100, verbose_name='list')),
                ('request', models.JSONField(blank=True, default=dict, verbose_name='request')),
                ('started_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('started_at', models.DateTimeField(verbose_name='started at')),
                ('finished_at', models.DateTimeField(blank=True, null=True, verbose_name='finished at')),
                ('total', models.PositiveIntegerField(default=0, verbose_name='total')),
                ('done', models.PositiveIntegerField(default=0, verbose_name='done')),
                ('summary', models.JSONField(blank=True, default=dict, verbose_name='summary')),
                ('rejects', models.JSONField(blank=True, default=list, help_text='file, line and reason of each row', verbose_name='rejects')),
                ('error', models.CharField(blank=True, max_length=300, verbose_name='error')),
                ('lease', models.CharField(blank=True, max_length=32, verbose_name='lease')),
                ('lease_until', models.DateTimeField(blank=True, null=True, verbose_name='lease until')),
                ('runs', models.PositiveSmallIntegerField(default=0, verbose_name='runs')),
                ('file', models.CharField(blank=True, max_length=100, verbose_name='file')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='file kept until')),
            ],
            options={
                'verbose_name': 'batch',
                'verbose_name_plural': 'batches',
                'indexes': [models.Index(models.F('id'), condition=models.Q(('finished_at__isnull', True)), name='kernel_batch_unfinished'), models.Index(models.F('started_by'), models.OrderBy(models.F('id'), descending=True), name='kernel_batch_maker')],
                'constraints': [models.CheckConstraint(condition=models.Q(('file', ''), ('expires_at__isnull', False), _connector='OR'), name='kernel_batch_file_expires'), models.CheckConstraint(condition=models.Q(('error', ''), ('finished_at__isnull', False), _connector='OR'), name='kernel_batch_error_ends')],
            },
        ),
        migrations.CreateModel(
            name='Code',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('token', models.CharField(max_length=32, unique=True, verbose_name='token')),
                ('purpose', models.CharField(max_length=32, verbose_name='purpose')),
                ('owner_type', models.CharField(max_length=32, verbose_name='owner type')),
                ('owner_id', models.BigIntegerField(verbose_name='owner')),
                ('payload', models.JSONField(blank=True, default=dict, verbose_name='payload')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('valid_until', models.DateTimeField(blank=True, null=True, verbose_name='valid until')),
                ('revoked_at', models.DateTimeField(blank=True, null=True, verbose_name='revoked at')),
            ],
            options={
                'verbose_name': 'code',
                'verbose_name_plural': 'codes',
                'indexes': [models.Index(fields=['owner_type', 'owner_id', 'purpose'], name='kernel_code_owner')],
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=64, verbose_name='kind')),
                ('subject_type', models.CharField(max_length=32, verbose_name='subject type')),
                ('subject_id', models.BigIntegerField(verbose_name='subject')),
                ('from_state', models.CharField(blank=True, max_length=20, verbose_name='from state')),
                ('to_state', models.CharField(blank=True, max_length=20, verbose_name='to state')),
                ('reason', models.CharField(blank=True, max_length=200, verbose_name='reason')),
                ('actor_kind', models.CharField(max_length=10, verbose_name='actor kind')),
                ('actor_id', models.CharField(blank=True, max_length=40, verbose_name='actor')),
                ('payload', models.JSONField(default=dict, verbose_name='payload')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
                ('relayed_at', models.DateTimeField(null=True, verbose_name='relayed at')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('next_attempt_at', models.DateTimeField(null=True, verbose_name='next attempt at')),
                ('last_error', models.TextField(blank=True, verbose_name='last error')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'indexes': [models.Index(fields=['subject_type', 'subject_id', 'id'], name='kernel_event_subject'), models.Index(condition=models.Q(('relayed_at__isnull', True)), fields=['id'], name='kernel_event_waiting')],
            },
        ),
        migrations.CreateModel(
            name='EventDelivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='deliveries', to='kernel.event')),
                ('consumer', models.CharField(max_length=64, verbose_name='consumer')),
                ('delivered_at', models.DateTimeField(verbose_name='delivered at')),
            ],
            options={
                'verbose_name': 'event delivery',
                'verbose_name_plural': 'event deliveries',
                'constraints': [models.UniqueConstraint(fields=('event', 'consumer'), name='kernel_eventdelivery_once')],
            },
        ),
        migrations.CreateModel(
            name='IdempotencyKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('caller', models.CharField(max_length=40, verbose_name='caller')),
                ('endpoint', models.CharField(max_length=80, verbose_name='endpoint')),
                ('key', models.CharField(max_length=64, verbose_name='key')),
                ('request_hash', models.CharField(max_length=64, verbose_name='request hash')),
                ('status', models.PositiveSmallIntegerField(verbose_name='status')),
                ('body', models.TextField(verbose_name='answer')),
                ('created_at', models.DateTimeField(db_index=True, verbose_name='created at')),
            ],
            options={
                'verbose_name': 'idempotency key',
                'verbose_name_plural': 'idempotency keys',
                'constraints': [models.UniqueConstraint(fields=('caller', 'endpoint', 'key'), name='kernel_idempotencykey_once')],
            },
        ),
        migrations.CreateModel(
            name='PolicyVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=32, verbose_name='kind')),
                ('scope', models.CharField(blank=True, max_length=32, verbose_name='scope')),
                ('version', models.PositiveIntegerField(verbose_name='version')),
                ('body', models.JSONField(verbose_name='body')),
                ('note', models.CharField(blank=True, max_length=200, verbose_name='note')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('published_at', models.DateTimeField(blank=True, null=True, verbose_name='published at')),
                ('published_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to=settings.AUTH_USER_MODEL, verbose_name='publisher')),
                ('effective_from', models.DateTimeField(blank=True, null=True, verbose_name='effective from')),
                ('effective_to', models.DateTimeField(blank=True, null=True, verbose_name='effective to')),
            ],
            options={
                'verbose_name': 'policy version',
                'verbose_name_plural': 'policy versions',
                'constraints': [models.UniqueConstraint(fields=('kind', 'scope', 'version'), name='kernel_policyversion_number'), models.CheckConstraint(condition=models.Q(('published_at__isnull', True), ('effective_from__isnull', False), _connector='OR'), name='kernel_policyversion_published_has_start'), models.CheckConstraint(condition=models.Q(('effective_to__isnull', True), ('effective_to__gt', models.F('effective_from')), _connector='OR'), name='kernel_policyversion_period')],
            },
        ),
        migrations.CreateModel(
            name='SavedFilter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='saved_filters', to=settings.AUTH_USER_MODEL)),
                ('model', models.CharField(max_length=100, verbose_name='list')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('query', models.CharField(max_length=1024, verbose_name='query')),
                ('shared', models.BooleanField(default=False, verbose_name='shared')),
            ],
            options={
                'verbose_name': 'saved filter',
                'verbose_name_plural': 'saved filters',
                'indexes': [models.Index(fields=['model'], name='kernel_savedfilter_list')],
                'constraints': [models.UniqueConstraint(models.F('user'), models.F('model'), models.F('name'), name='kernel_savedfilter_once'), models.CheckConstraint(condition=models.Q(('query', ''), _negated=True), name='kernel_savedfilter_filters')],
            },
        ),
        migrations.CreateModel(
            name='Session',
            fields=[
                ('session_key', models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name='session key')),
                ('session_data', models.TextField(verbose_name='session data')),
                ('expire_date', models.DateTimeField(db_index=True, verbose_name='expire date')),
                ('user', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name': 'session',
                'verbose_name_plural': 'sessions',
            },
        ),
        migrations.RunSQL(
            PUBLISHED,
            "DROP TRIGGER kernel_policy_guard ON kernel_policyversion;"
            "DROP FUNCTION kernel_policy_guard();",
        ),
    ]
