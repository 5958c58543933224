import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mall', '0009_points'),
        ('members', '0014_birthday_and_plan_terms'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderline',
            name='membership_plan',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='members.membershipplan', verbose_name='membership plan'),
        ),
        migrations.AddField(
            model_name='orderline',
            name='membership_days',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='days of membership'),
        ),
        migrations.AlterField(
            model_name='orderline',
            name='kind',
            field=models.CharField(choices=[('goods', 'goods'), ('card', 'stored-value card'), ('topup', 'top-up of a card'), ('membership', 'membership')], max_length=10, verbose_name='kind'),
        ),
        migrations.RemoveConstraint(
            model_name='orderline',
            name='mall_orderline_kind',
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('bonus_fen', 0), ('card__isnull', True), ('card_product__isnull', True), ('kind', 'goods'), ('sku__isnull', False)), models.Q(('card__isnull', True), ('card_product__isnull', False), ('kind', 'card'), ('sku__isnull', True)), models.Q(('card__isnull', False), ('card_product__isnull', False), ('kind', 'topup'), ('sku__isnull', True)), models.Q(('bonus_fen', 0), ('card__isnull', True), ('card_product__isnull', True), ('kind', 'membership'), ('sku__isnull', True)), _connector='OR'), name='mall_orderline_kind'),
        ),
        migrations.AddConstraint(
            model_name='orderline',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('kind', 'membership'), ('membership_days__gt', 0), ('membership_plan__isnull', False), ('quantity', 1)), models.Q(models.Q(('kind', 'membership'), _negated=True), ('membership_days', 0), ('membership_plan__isnull', True)), _connector='OR'), name='mall_orderline_membership'),
        ),
    ]
