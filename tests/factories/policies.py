from datetime import datetime, timedelta

from config.kernel.actors import SYSTEM
from config.kernel.models import PolicyVersion
from config.kernel.policies import policy_draft, policy_publish
from tests.factories.fresh import moment


def publish_policy(
    *, kind: str, body: dict, scope: str = "", effective_from: datetime | None = None
) -> PolicyVersion:
    """A version of ``kind`` in force since a month ago (or ``effective_from``)."""
    draft = policy_draft(kind=kind, body=body, scope=scope, now=moment())
    return policy_publish(
        policy=draft,
        effective_from=effective_from or moment() - timedelta(days=30),
        actor=SYSTEM,
        now=moment(),
    )
