"""Who is in the demo mall: its tills, its staff and its members."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import make_password

from config.kernel.models import User
from mall.demo import places
from mall.demo.rows import ensure
from members.models import Consent, ExternalId, Member, Tier
from stores.models import Assignment, Store, Terminal
from stores.states import Role, TerminalScope
from stores.terminal_keys import secret_hash

PASSWORD = "demo-mall-1"
# Of the key of every demo till: known, as the password is.
TILL_SECRET = "DEMO-MALL-TILL"


def till_no(shop: str) -> str:
    """The number of the demo's till in a shop."""
    return f"TMDEMO{places.SHOPS.index(shop) + 1:02d}"


def tills(stores: dict[str, Store], now: datetime) -> None:
    ensure(
        Terminal,
        [
            {
                "no": till_no(shop),
                "store": stores[shop],
                "name": "收银台1",
                "key_hash": secret_hash(TILL_SECRET),
                "scopes": TerminalScope.values,
                "created_at": now,
                "rotated_at": now,
            }
            for shop in places.SHOPS
        ],
        key="no",
    )


def users(rows: Sequence[dict[str, Any]], *, password: str | None = PASSWORD) -> dict[str, User]:
    """Users by name; all share the demo password (hashed once), or have none."""
    fresh = [r for r in rows if not User.objects.filter(username=r["username"]).exists()]
    if fresh:
        hashed = make_password(password)
        User.objects.bulk_create([User(password=hashed, **row) for row in fresh])
    names = [row["username"] for row in rows]
    return {user.username: user for user in User.objects.filter(username__in=names)}


def staff(stores: dict[str, Store], now: datetime) -> None:
    office = {
        "admin": ("总管理员", None),
        "hq": ("总部运营", Role.HEADQUARTERS),
        "finance": ("财务", Role.FINANCE),
        "service": ("客服", Role.SERVICE),
        "auditor": ("审计", Role.AUDITOR),
    }
    rows: list[dict[str, Any]] = [
        {
            "username": name,
            "first_name": title,
            "is_staff": True,
            "is_superuser": role is None,
            "date_joined": now,
        }
        for name, (title, role) in office.items()
    ]
    shop_roles = {Role.MANAGER: "店长", Role.CLERK: "店员"}
    for shop in places.SHOPS:
        rows += [
            {
                "username": f"{role.value}-{shop}",
                "first_name": f"{stores[shop].name.removeprefix('屿上·')}{title}",
                "is_staff": True,
                "date_joined": now,
            }
            for role, title in shop_roles.items()
        ]
    people = users(rows)
    wanted: list[tuple[User, str, Store | None]] = [
        (people[name], role, None) for name, (_title, role) in office.items() if role is not None
    ]
    wanted += [
        (people[f"{role.value}-{shop}"], role, stores[shop])
        for shop in places.SHOPS
        for role in shop_roles
    ]
    assigned = set(Assignment.objects.values_list("user_id", flat=True))
    for user, role, store in wanted:
        if user.pk in assigned:
            continue
        Assignment.objects.create(user=user, role=role, store=store, since=now)


def unionid(n: int) -> str:
    """How WeChat knows the n-th demo member; a fake WeChat user with it is that member."""
    return f"demo-unionid-{n:02d}"


def members(stores: dict[str, Store], now: datetime) -> None:
    rows = [
        {"username": f"member-{n:02d}", "first_name": name, "date_joined": now}
        for n, name in enumerate(places.MEMBERS, start=1)
    ]
    people = users(rows, password=None)
    tier = Tier.objects.get(code="normal")
    found = ensure(
        Member,
        [
            {
                "no": f"MDEMO{n:06d}",
                "user": people[f"member-{n:02d}"],
                "phone": f"+861990000{n:04d}",
                "nickname": name,
                "tier": tier,
                "home_store": stores[places.SHOPS[n % len(places.SHOPS)]],
                "created_at": now,
                # Spread over the year: whenever it is tried, somebody's is near.
                "birth_month": 1 + 7 * n % 12,
                "birth_day": n,
                "birthday_at": now,
            }
            for n, name in enumerate(places.MEMBERS, start=1)
        ],
        key="no",
    )
    by_number = {int(no.removeprefix("MDEMO")): member for no, member in found.items()}
    ensure(
        ExternalId,
        [
            {"member": member, "kind": "unionid", "value": unionid(n), "created_at": now}
            for n, member in sorted(by_number.items())
        ],
        key="value",
    )
    agreed = set(
        Consent.objects.filter(member__in=found.values()).values_list("member_id", flat=True)
    )
    Consent.objects.bulk_create(
        Consent(member=member, kind=kind, version="1", given_at=now)
        for member in found.values()
        if member.pk not in agreed
        for kind in ("privacy", "messages")
    )
