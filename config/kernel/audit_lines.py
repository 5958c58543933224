"""Audit lines over the kernel's own tables."""

from config.kernel.audit import Line, register, state_chain
from config.kernel.states import APPROVAL_MACHINE

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
    state_chain(
        "approval.states",
        "an approval's history is an allowed path that ends in its state",
        subject_type="approval",
        table="kernel_approval",
        machine=APPROVAL_MACHINE,
    ),
    Line(
        26,
        "approval.two_people",
        "a decided request has a maker and another checker, who decided before it expired",
        """
        SELECT no, kind, maker_id, checker_id FROM kernel_approval
        WHERE state IN ('approved', 'refused')
          AND (checker_id IS NULL OR checker_id = maker_id
            OR decided_at IS NULL OR decided_at >= expires_at)
        """,
    ),
    Line(
        26,
        "approval.within_limit",
        "what was approved is within the checker's limit at that moment",
        """
        SELECT no, kind, amount_fen, limit_fen FROM kernel_approval
        WHERE state = 'approved' AND (checker_role = '' OR amount_fen > limit_fen)
        """,
    ),
)
