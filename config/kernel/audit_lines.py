"""Audit lines over the kernel's own tables."""

from config.kernel.audit import Line, register

register(
    Line(
        29,
        "events.stuck",
        "no event waits undelivered for longer than an hour",
        """
        SELECT id, kind, attempts, last_error FROM kernel_event
        WHERE relayed_at IS NULL AND occurred_at < now() - interval '1 hour'
        """,
    ),
    Line(
        29,
        "events.applied_once",
        "a consumer applied each event once",
        """
        SELECT event_id, consumer, count(*) FROM kernel_eventdelivery
        GROUP BY event_id, consumer HAVING count(*) > 1
        """,
    ),
    Line(
        28,
        "idempotency.one_answer",
        "one stored answer per caller, endpoint and idempotency key, none in progress",
        """
        SELECT caller, endpoint, key, count(*), min(status) FROM kernel_idempotencykey
        GROUP BY caller, endpoint, key HAVING count(*) > 1 OR min(status) < 200 OR min(body) = ''
        """,
    ),
)
