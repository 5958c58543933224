"""Audit lines that every state machine gets: its history in events against its table."""

from config.kernel.audit import Line
from config.kernel.states import Machine


def state_lines(
    *, subject: str, table: str, machine: Machine, initial: str | tuple[str, ...]
) -> list[Line]:
    """Two lines for the rows of ``table`` whose events carry ``subject`` as their subject type.

    15: the history is a path that ``machine`` allows, beginning with "" → ``initial``, and its
    last step is the state the row is in. 29: every row has its history.
    """
    begins = (initial,) if isinstance(initial, str) else initial
    steps = [("", str(state)) for state in begins]
    steps += [(str(a), str(b)) for a, after in machine.items() for b in sorted(after)]
    allowed = ", ".join(f"('{a}', '{b}')" for a, b in steps)
    return [
        Line(
            15,
            f"{subject}.state_path",
            f"the states of each {subject} follow an allowed path that ends in its current one",
            f"""
            WITH step AS (
              SELECT id, subject_id, from_state, to_state,
                lag(to_state, 1, '') OVER w AS before, lead(id) OVER w AS next_id
              FROM kernel_event WHERE subject_type = '{subject}' AND to_state <> ''
              WINDOW w AS (PARTITION BY subject_id ORDER BY id)
            )
            SELECT subject_id, from_state, to_state, 'not allowed' AS problem FROM step
            WHERE from_state <> before OR (from_state, to_state) NOT IN (VALUES {allowed})
            UNION ALL
            SELECT s.subject_id, s.to_state, r.state, 'not the last step'
            FROM step s JOIN {table} r ON r.id = s.subject_id
            WHERE s.next_id IS NULL AND s.to_state <> r.state
            """,
        ),
        Line(
            29,
            f"{subject}.state_events",
            f"every {subject} has the events of its states",
            f"""
            SELECT r.id, r.state FROM {table} r WHERE NOT EXISTS (
              SELECT FROM kernel_event e WHERE e.subject_type = '{subject}'
              AND e.subject_id = r.id AND e.to_state <> ''
            )
            """,
        ),
    ]
