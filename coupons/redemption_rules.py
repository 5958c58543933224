"""Rules of redemptions in stores: the body of a "redemption" policy, per operator."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.kernel.policies import PolicyInvalid, policy_at, register_kind

KIND = "redemption"
DEFAULT_MINUTES = 30
_MOST = 7 * 24 * 60


@dataclass(frozen=True, slots=True)
class RedemptionRules:
    """For ``reverse_within`` whoever stands at a till of the store undoes a redemption; later a
    manager does, with a reason."""

    reverse_within: timedelta


def redemption_rules(*, operator_code: str, now: datetime) -> RedemptionRules:
    """Those in force for the operator; without any, half an hour."""
    policy = policy_at(kind=KIND, moment=now, scope=operator_code)
    minutes = policy.body["reverse_minutes"] if policy else DEFAULT_MINUTES
    return RedemptionRules(timedelta(minutes=minutes))


def validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless it is {"v": 1, "reverse_minutes": 0 to a week}."""
    if not isinstance(body, dict) or set(body) != {"v", "reverse_minutes"} or body["v"] != 1:
        raise PolicyInvalid(problem='it has "v": 1 and "reverse_minutes"')
    minutes = body["reverse_minutes"]
    if type(minutes) is not int or not 0 <= minutes <= _MOST:
        raise PolicyInvalid(problem=f"reverse_minutes is a whole number up to {_MOST}")


def register() -> None:
    register_kind(KIND, validate)
