from config.kernel.models import User
from stores.models import Assignment, Operator, Store
from tests.factories.fresh import moment, sequence

PASSWORD = "demo-pass-1"


def make_user(*, username: str = "", is_staff: bool = False, superuser: bool = False) -> User:
    n = sequence()
    username = username or f"user{n}"
    if superuser:
        return User.objects.create_superuser(username, password=PASSWORD)
    return User.objects.create_user(username, password=PASSWORD, is_staff=is_staff)


def make_staff(
    *,
    store: Store | None = None,
    operator: Operator | None = None,
    role: str = "clerk",
    user: User | None = None,
    since=None,
    until=None,
) -> User:
    """A user who works at ``store``, for ``operator``, or (neither) at headquarters."""
    user = user or make_user(is_staff=True)
    Assignment.objects.create(
        user=user,
        role=role,
        store=store,
        operator=operator,
        since=since or moment(),
        until=until,
    )
    return user
