"""Corruption, planted past the database's own guards, which come back with the rollback."""

from django.db import connection

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.events import record
from mall.events import RefundChanged
from mall.models import Payment, Refund

SUBJECTS = {
    "stock",
    "order",
    "payment",
    "refund",
    "after_sale",
    "fulfilment",
    "events",
    "idempotency",
}
CODES = {line.code for line in audit.lines() if line.code.split(".")[0] in SUBJECTS} | {
    "pickup.of_paid_order"
}


def caught() -> set[str]:
    return {finding.line.code for finding in audit.run(CODES) if finding.violations}


def plant(sql: str, *parameters, drop: str = "", trigger: str = "") -> None:
    """Run ``sql``, which must change something, without the constraint or the table's triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if drop:
            cursor.execute(
                "SELECT conrelid::regclass FROM pg_constraint WHERE conname = %s", [drop]
            )
            cursor.execute(f'ALTER TABLE {cursor.fetchone()[0]} DROP CONSTRAINT "{drop}"')
        if trigger:
            cursor.execute(f"ALTER TABLE {trigger} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)
        assert cursor.rowcount > 0


def stray_refund(payment: Payment, *, now, amount_fen: int = 1) -> Refund:
    """A refund of no tender, with the event it would have."""
    refund = Refund.objects.create(
        no=f"RFSTRAY{payment.pk}",
        order=payment.order,
        operator=payment.operator,
        payment=payment,
        amount_fen=amount_fen,
        state="approved",
        reason="",
        created_at=now,
    )
    event = RefundChanged(subject_id=refund.pk, order_id=payment.order_id, to_state="approved")
    record([event], actor=SYSTEM, now=now)
    return refund
