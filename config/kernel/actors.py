"""Who did it: written on every event, every hand-over and every manual change."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Actor:
    """``kind`` is user, member, terminal or system; ``id`` identifies it within its kind."""

    kind: str
    id: str = ""

    @classmethod
    def user(cls, user) -> "Actor":
        return cls("user", str(user.pk))

    @classmethod
    def member(cls, member_id: int) -> "Actor":
        return cls("member", str(member_id))


SYSTEM = Actor("system")
