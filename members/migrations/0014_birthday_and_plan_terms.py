import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('members', '0013_paybacks_paid'),
    ]

    operations = [
        migrations.AlterModelOptions(
            name='member',
            options={'permissions': [('view_phone', 'Can see whole phones'), ('change_birthday', 'Can correct birthdays')], 'verbose_name': 'member', 'verbose_name_plural': 'members'},
        ),
        migrations.AddField(
            model_name='member',
            name='birth_year',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='year of birth'),
        ),
        migrations.AddField(
            model_name='member',
            name='birth_month',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='month of birth'),
        ),
        migrations.AddField(
            model_name='member',
            name='birth_day',
            field=models.PositiveSmallIntegerField(blank=True, null=True, verbose_name='day of birth'),
        ),
        migrations.AddField(
            model_name='member',
            name='birthday_at',
            field=models.DateTimeField(blank=True, null=True, verbose_name='birthday entered at'),
        ),
        migrations.AddConstraint(
            model_name='member',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('birth_day__isnull', True), ('birth_month__isnull', True), ('birth_year__isnull', True), ('birthday_at__isnull', True)), models.Q(('birth_day__isnull', False), ('birth_day__range', (1, 31)), ('birth_month__isnull', False), ('birth_month__range', (1, 12)), ('birthday_at__isnull', False)), _connector='OR'), name='members_member_birthday'),
        ),
        migrations.AddIndex(
            model_name='member',
            index=models.Index(condition=models.Q(('birth_month__isnull', False)), fields=['birth_month', 'birth_day'], name='members_member_birthdays'),
        ),
        migrations.CreateModel(
            name='MemberBirthday',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('year', models.PositiveSmallIntegerField(verbose_name='year')),
                ('created_at', models.DateTimeField(verbose_name='created at')),
                ('member', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='birthdays', to='members.member')),
            ],
            options={
                'verbose_name': 'birthday',
                'verbose_name_plural': 'birthdays',
            },
        ),
        migrations.AddConstraint(
            model_name='memberbirthday',
            constraint=models.UniqueConstraint(fields=('member', 'year'), name='members_memberbirthday_once_a_year'),
        ),
        migrations.AddField(
            model_name='membershipplan',
            name='per_member',
            field=models.PositiveSmallIntegerField(blank=True, help_text='how many a member may buy, those given back in full aside; empty: any number', null=True, verbose_name='periods per member'),
        ),
        migrations.AddField(
            model_name='membershipplan',
            name='refund_on_request',
            field=models.BooleanField(default=True, help_text='members may ask for the days that are left; if not, staff ask for them', verbose_name='refund on request'),
        ),
        migrations.AddConstraint(
            model_name='membershipplan',
            constraint=models.CheckConstraint(condition=models.Q(('per_member__isnull', True), ('per_member__gt', 0), _connector='OR'), name='members_membershipplan_per_member'),
        ),
    ]
