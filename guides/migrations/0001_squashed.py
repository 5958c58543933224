import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

from config.kernel.db import append_only


class Migration(migrations.Migration):
    replaces = [
        ("guides", "0001_initial"),
        ("guides", "0002_initial"),
        ("guides", "0003_append_only"),
        ("guides", "0004_frozen"),
    ]
    initial = True

    dependencies = [
        ('kernel', '0001_squashed'),
        ('mall', '0001_squashed'),
        ('members', '0001_squashed'),
        ('stores', '0001_squashed'),
    ]

    operations = [
        migrations.CreateModel(
            name='Guide',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('no', models.CharField(max_length=32, unique=True, verbose_name='number')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='guide', to=settings.AUTH_USER_MODEL, verbose_name='user')),
                ('operator', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stores.operator', verbose_name='employer')),
                ('name', models.CharField(max_length=40, verbose_name='name')),
                ('member', models.OneToOneField(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='members.member', verbose_name='as a shopper')),
                ('active_from', models.DateTimeField(verbose_name='active from')),
                ('active_until', models.DateTimeField(blank=True, null=True, verbose_name='active until')),
            ],
            options={
                'verbose_name': 'guide',
                'verbose_name_plural': 'guides',
                'constraints': [models.CheckConstraint(condition=models.Q(('active_until__isnull', True), ('active_until__gt', models.F('active_from')), _connector='OR'), name='guides_guide_period')],
            },
        ),
        migrations.CreateModel(
            name='Attribution',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='mall.orderline')),
                ('role', models.CharField(choices=[('opening', 'opening guide'), ('serving', 'serving guide')], max_length=10, verbose_name='role')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='attributions', to='guides.guide')),
                ('basis_points', models.PositiveSmallIntegerField(verbose_name='share (basis points)')),
                ('evidence', models.JSONField(help_text='touch or binding it rests on', verbose_name='evidence')),
                ('policy', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.policyversion')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='kernel.policyversion', verbose_name='commission plan')),
                ('rate_bp', models.PositiveSmallIntegerField(verbose_name='commission rate (basis points)')),
                ('frozen_at', models.DateTimeField(verbose_name='frozen at')),
            ],
            options={
                'verbose_name': 'attribution',
                'verbose_name_plural': 'attributions',
                'indexes': [models.Index(fields=['guide', '-frozen_at'], name='guides_attribution_guide')],
                'constraints': [models.UniqueConstraint(fields=('line', 'role'), name='guides_attribution_role_once'), models.CheckConstraint(condition=models.Q(('basis_points__gt', 0), ('basis_points__lte', 10000)), name='guides_attribution_share')],
            },
        ),
        migrations.CreateModel(
            name='Binding',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bindings', to='members.member')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='bindings', to='guides.guide')),
                ('source', models.CharField(max_length=32, verbose_name='came about by')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
            ],
            options={
                'verbose_name': 'binding',
                'verbose_name_plural': 'bindings',
                'constraints': [models.UniqueConstraint(condition=models.Q(('until__isnull', True)), fields=('member',), name='guides_binding_one_live')],
            },
        ),
        migrations.CreateModel(
            name='CommissionEntry',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('attribution', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='guides.attribution')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='guides.guide')),
                ('amount_fen', models.IntegerField(verbose_name='amount (fen)')),
                ('base_fen', models.PositiveIntegerField(verbose_name='net after refunds (fen)')),
                ('pot_fen', models.PositiveIntegerField(verbose_name='pot (fen)')),
                ('key', models.CharField(max_length=120, unique=True, verbose_name='key')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
            ],
            options={
                'verbose_name': 'commission entry',
                'verbose_name_plural': 'commission entries',
                'indexes': [models.Index(fields=['guide', '-occurred_at'], name='guides_commissionentry_guide')],
                'constraints': [models.CheckConstraint(condition=models.Q(('amount_fen', 0), _negated=True), name='guides_commissionentry_moves')],
            },
        ),
        migrations.CreateModel(
            name='GuideAssignment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='assignments', to='guides.guide')),
                ('store', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='stores.store', verbose_name='store')),
                ('since', models.DateTimeField(verbose_name='since')),
                ('until', models.DateTimeField(blank=True, null=True, verbose_name='until')),
            ],
            options={
                'verbose_name': "guide's assignment",
                'verbose_name_plural': "guide's assignments",
                'constraints': [models.CheckConstraint(condition=models.Q(('until__isnull', True), ('until__gt', models.F('since')), _connector='OR'), name='guides_guideassignment_period')],
            },
        ),
        migrations.CreateModel(
            name='Touch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='touches', to='members.member')),
                ('guide', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='touches', to='guides.guide')),
                ('code', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='touches', to='kernel.code')),
                ('product_code', models.CharField(blank=True, max_length=32, verbose_name='product')),
                ('store', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to='stores.store')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred at')),
            ],
            options={
                'verbose_name': 'touch',
                'verbose_name_plural': 'touches',
                'indexes': [models.Index(fields=['member', '-occurred_at'], name='guides_touch_member'), models.Index(fields=['guide', '-occurred_at'], name='guides_touch_guide')],
            },
        ),
        append_only("guides_attribution"),
        append_only("guides_commissionentry"),
        append_only("guides_touch"),
    ]
