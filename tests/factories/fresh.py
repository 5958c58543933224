"""What starts afresh with every test: the moment it happens at and the counter of unique values.

The moment is the real time the test began, in whole seconds: near the real clock, because views
and audit lines read that one; fixed within the test, so that expected timestamps are exact.
"""

from datetime import UTC, datetime

_last = 0
_moment = datetime.now(UTC).replace(microsecond=0)


def sequence() -> int:
    """1, 2, 3, … within a test."""
    global _last
    _last += 1
    return _last


def moment() -> datetime:
    return _moment


def restart() -> None:
    global _last, _moment
    _last = 0
    _moment = datetime.now(UTC).replace(microsecond=0)
