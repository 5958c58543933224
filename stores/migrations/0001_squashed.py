import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from config.kernel.db import append_only

# A transfer is given back at most once in full, whoever asks at the same moment.
REVERSAL_WITHIN = """
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
    replaces = [
        ("stores", "0001_initial"),
        ("stores", "0002_append_only"),
        ("stores", "0003_reversal_within"),
        ("stores", "0004_pickup_digits"),
        ("stores", "0005_desk_permission"),
        ("stores", "0006_names"),
        ("stores", "0007_terminals"),
        ("stores", "0008_selling_scope"),
    ]
    initial = True

    dependencies = [
        ('kernel', '0001_squashed'),
    ]

    operations = [
        migrations.CreateModel(
            name='Operator',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('kind', models.CharField(choices=[('direct', 'direct'), ('franchise', 'franchise'), ('brand', 'brand')], max_length=10, verbose_name='kind')),
                ('mchid', models.CharField(blank=True, max_length=32, verbose_name='WeChat merchant id')),
                ('archived_at', models.DateTimeField(blank=True, null=True, verbose_name='archived at')),
            ],
            options={
                'verbose_name': 'operator',
                'verbose_name_plural': 'operators',
            },
        ),
        migrations.CreateModel(
            name='Account',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.CharField(max_length=80, unique=True, verbose_name='code')),
                ('unit', models.CharField(choices=[('fen', 'fen'), ('points', 'points')], default='fen', max_length=6, verbose_name='unit')),
                ('operator', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stores.operator', verbose_name='operator')),
                ('guarded', models.BooleanField(default=False, verbose_name='guarded')),
                ('balance', models.BigIntegerField(default=0, verbose_name='balance')),
                ('held', models.BigIntegerField(default=0, verbose_name='held')),
            ],
            options={
                'verbose_name': 'account',
                'verbose_name_plural': 'accounts',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('balance', 0), ('guarded', False), ('held', 0)), models.Q(('balance__gte', models.F('held')), ('guarded', True), ('held__gte', 0)), _connector='OR'), name='stores_account_covers_holds')],
            },
        ),
        migrations.CreateModel(
            name='Region',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('adcode', models.CharField(max_length=12, unique=True, verbose_name='adcode')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('level', models.PositiveSmallIntegerField(verbose_name='level')),
                ('parent', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='stores.region')),
            ],
            options={
                'verbose_name': 'region',
                'verbose_name_plural': 'regions',
            },
        ),
        migrations.CreateModel(
            name='Store',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='stores', to='stores.operator', verbose_name='operator')),
                ('code', models.CharField(max_length=32, unique=True, verbose_name='code')),
                ('name', models.CharField(max_length=80, verbose_name='name')),
                ('kind', models.CharField(choices=[('shop', 'shop'), ('warehouse', 'warehouse'), ('online', 'online')], max_length=10, verbose_name='kind')),
                ('region', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stores.region', verbose_name='region')),
                ('address', models.CharField(blank=True, max_length=200, verbose_name='address')),
                ('phone', models.CharField(blank=True, max_length=20, verbose_name='phone')),
                ('latitude', models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True, verbose_name='latitude')),
                ('longitude', models.DecimalField(blank=True, decimal_places=6, max_digits=9, null=True, verbose_name='longitude')),
                ('hours', models.JSONField(blank=True, default=dict, help_text='{"mon": ["10:00", "22:00"], …}; a missing day is closed', verbose_name='opening hours')),
                ('pickup_enabled', models.BooleanField(default=True, verbose_name='offers pickup')),
                ('archived_at', models.DateTimeField(blank=True, null=True, verbose_name='archived at')),
            ],
            options={
                'verbose_name': 'store',
                'verbose_name_plural': 'stores',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('latitude__isnull', True), ('longitude__isnull', True)), models.Q(('latitude__range', (-90, 90)), ('longitude__range', (-180, 180))), _connector='OR'), name='stores_store_coordinates')],
            },
        ),
        migrations.CreateModel(
            name='Assignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('user', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('role', models.CharField(choices=[('headquarters', 'headquarters'), ('finance', 'finance'), ('manager', 'store manager'), ('clerk', 'clerk'), ('service', 'customer service'), ('auditor', 'auditor')], max_length=16, verbose_name='role')),
                ('operator', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stores.operator', verbose_name='operator')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stores.store', verbose_name='store')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
            ],
            options={
                'verbose_name': 'assignment',
                'verbose_name_plural': 'assignments',
                'constraints': [models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gt', models.F('since')), _connector='OR'), name='stores_assignment_period'), models.CheckConstraint(condition=models.Q(('store__isnull', True), ('operator__isnull', True), _connector='OR'), name='stores_assignment_one_scope')],
            },
        ),
        migrations.CreateModel(
            name='Pickup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('no', models.CharField(max_length=32, unique=True, verbose_name='number')),
                ('order_no', models.CharField(max_length=32, unique=True, verbose_name='order number')),
                ('store', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='pickups', to='stores.store', verbose_name='store')),
                ('state', models.CharField(choices=[('awaiting', 'being prepared'), ('ready', 'ready for pickup'), ('collected', 'collected'), ('held', 'held'), ('expired', 'expired'), ('cancelled', 'cancelled')], max_length=10, verbose_name='state')),
                ('code_hash', models.CharField(editable=False, max_length=64, unique=True)),
                ('digits', models.CharField(max_length=8, verbose_name='digits')),
                ('phone_tail', models.CharField(blank=True, max_length=4, verbose_name='last four of the phone')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('ready_at', models.DateTimeField(blank=True, null=True, verbose_name='ready at')),
                ('expires_at', models.DateTimeField(blank=True, null=True, verbose_name='expires at')),
                ('collected_at', models.DateTimeField(blank=True, null=True, verbose_name='collected at')),
                ('collected_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='handed over by')),
            ],
            options={
                'verbose_name': 'pickup',
                'verbose_name_plural': 'pickups',
                'permissions': [('handover_pickup', 'Can work at the desk')],
                'indexes': [models.Index(fields=['store', 'state'], name='stores_pickup_desk'), models.Index(fields=['digits'], name='stores_pickup_digits')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ['awaiting', 'ready', 'held'])), fields=('store', 'digits'), name='stores_pickup_digits_live'), models.CheckConstraint(condition=models.Q(models.Q(('collected_at__isnull', False), ('collected_by__isnull', False), ('state', 'collected')), models.Q(models.Q(('state', 'collected'), _negated=True), ('collected_at__isnull', True)), _connector='OR'), name='stores_pickup_collected_stamped'), models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['ready', 'collected']), _negated=True), ('ready_at__isnull', False), _connector='OR'), name='stores_pickup_ready_stamped')],
            },
        ),
        migrations.CreateModel(
            name='Seal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('period', models.DateField(help_text='day in Asia/Shanghai', unique=True, verbose_name='period')),
                ('count', models.PositiveIntegerField(verbose_name='transfers')),
                ('hash', models.CharField(max_length=64, verbose_name='hash')),
                ('previous_hash', models.CharField(blank=True, max_length=64, verbose_name='previous hash')),
                ('sealed_at', models.DateTimeField(verbose_name='sealed at')),
            ],
            options={
                'verbose_name': 'seal',
                'verbose_name_plural': 'seals',
            },
        ),
        migrations.CreateModel(
            name='Terminal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('no', models.CharField(max_length=16, unique=True, verbose_name='number')),
                ('store', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='terminals', to='stores.store', verbose_name='store')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('key_hash', models.CharField(max_length=64, verbose_name='hash of the key')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('look', 'look up members'), ('pay', 'take payments'), ('refund', 'refund and void'), ('sell', 'sell and top up cards')], max_length=10), default=list, size=None, verbose_name='scopes')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('rotated_at', models.DateTimeField(verbose_name='key since')),
                ('last_seen_at', models.DateTimeField(blank=True, null=True, verbose_name='last seen')),
                ('disabled_at', models.DateTimeField(blank=True, null=True, verbose_name='disabled at')),
            ],
            options={
                'verbose_name': 'terminal',
                'verbose_name_plural': 'terminals',
                'constraints': [models.CheckConstraint(condition=models.Q(('scopes__len__gt', 0)), name='stores_terminal_has_scope')],
            },
        ),
        migrations.CreateModel(
            name='Transfer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('debit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='debits', to='stores.account', verbose_name='debit')),
                ('credit', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='credits', to='stores.account', verbose_name='credit')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('code', models.CharField(max_length=32, verbose_name='code')),
                ('key', models.CharField(max_length=120, unique=True, verbose_name='key')),
                ('reference', models.CharField(blank=True, db_index=True, max_length=40, verbose_name='reference')),
                ('reverses', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='reversals', to='stores.transfer', verbose_name='reverses')),
                ('occurred_at', models.DateTimeField(db_index=True, verbose_name='occurred at')),
            ],
            options={
                'verbose_name': 'transfer',
                'verbose_name_plural': 'transfers',
                'constraints': [models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='stores_transfer_positive'), models.CheckConstraint(condition=models.Q(('debit', models.F('credit')), _negated=True), name='stores_transfer_two_accounts')],
            },
        ),
        append_only("stores_transfer"),
        append_only("stores_seal"),
        migrations.RunSQL(
            REVERSAL_WITHIN,
            "DROP TRIGGER stores_transfer_reverses_within ON stores_transfer;"
            "DROP FUNCTION stores_reversal_within()",
        ),
    ]
