"""The top of the demo: guides, their codes and customers, what they earn, and who may log in."""

import os
from datetime import datetime
from pathlib import Path

from config.kernel.actors import SYSTEM
from coupons.models import Template
from guides.models import CouponAllowance, Guide, GuideAssignment
from guides.services.binding_open import binding_open
from guides.services.code_create import code_create
from mall.demo import places
from mall.demo.people import PASSWORD, TILL_SECRET, till_no, unionid, users
from mall.demo.rows import ensure, opened_at, policy
from members.models import Member
from stores.models import Store
from stores.terminal_keys import terminal_key

GUIDES = ["沈听澜", "陆小舟", "顾南风", "叶知秋", "江一帆", "苏晚晴"]
# What every guide has a product code for from the start.
CODED_PRODUCTS = ("D1006", "D3001")

ATTRIBUTION_POLICY = {"v": 1, "window_days": 7, "shares": {"opening": 6_000, "serving": 4_000}}
COMMISSION_POLICY = {
    "v": 1,
    "default_rate_bp": 300,
    "rules": [
        {
            "when": {
                "v": 1,
                "all": [{"fact": "category", "op": "in", "value": ["food-tea", "food-gift"]}],
            },
            "rate_bp": 500,
        },
        {
            "when": {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": "songlan"}]},
            "rate_bp": 400,
        },
    ],
    "maturity_days": 7,
}


def guide_login(shop: str) -> str:
    return f"guide-{shop}"


def load_guides(*, now: datetime) -> None:
    """One guide per shop, each the own guide of some members. In the caller's transaction."""
    policy(kind="attribution", body=ATTRIBUTION_POLICY, now=now)
    policy(kind="commission_plan", body=COMMISSION_POLICY, now=now)
    since = opened_at(now)
    stores = {store.code: store for store in Store.objects.filter(code__in=places.SHOPS)}
    people = users(
        [
            {"username": guide_login(shop), "first_name": name, "date_joined": since}
            for shop, name in zip(places.SHOPS, GUIDES, strict=True)
        ]
    )
    guides = ensure(
        Guide,
        [
            {
                "no": f"GDEMO{n:04d}",
                "user": people[guide_login(shop)],
                "operator_id": stores[shop].operator_id,
                "name": name,
                "active_from": since,
            }
            for n, (shop, name) in enumerate(zip(places.SHOPS, GUIDES, strict=True), start=1)
        ],
        key="no",
    )
    for code, period, per_guide in places.GUIDES_GIVE:
        template = Template.objects.get(code=code)
        CouponAllowance.objects.get_or_create(
            template=template,
            operator_id=template.operator_id,
            defaults={"period": period, "per_guide": per_guide},
        )
    placed = set(GuideAssignment.objects.values_list("guide_id", flat=True))
    members = list(Member.objects.filter(no__startswith="MDEMO").order_by("no")[: 2 * len(GUIDES)])
    for n, (no, shop) in enumerate(zip(sorted(guides), places.SHOPS, strict=True)):
        guide = guides[no]
        if guide.pk in placed:
            continue
        GuideAssignment.objects.create(guide=guide, store=stores[shop], since=since)
        code_create(guide_id=guide.pk, actor=SYSTEM, now=since)
        code_create(guide_id=guide.pk, store_code=shop, actor=SYSTEM, now=since)
        for product in CODED_PRODUCTS:
            code_create(guide_id=guide.pk, product_code=product, actor=SYSTEM, now=since)
        for member in members[2 * n : 2 * n + 2]:
            binding_open(
                guide=guide,
                member_id=member.pk,
                member_user_id=member.user_id,
                source="demo",
                actor=SYSTEM,
                now=since,
            )


def logins() -> list[dict[str, str]]:
    """Who may log in where, for people and for scripts."""
    names = dict(Store.objects.filter(code__in=places.SHOPS).values_list("code", "name"))

    def login(face: str, username: str, note: str, store: str = "") -> dict[str, str]:
        return {
            "face": face,
            "url_path": f"/{face}/",
            "username": username,
            "password": PASSWORD,
            "note": note,
            "store": store,
        }

    found = [
        login("admin", "admin", "总管理员"),
        login("admin", "hq", "总部运营"),
        login("admin", "finance", "财务"),
        login("admin", "service", "客服"),
        login("admin", "auditor", "审计，只读"),
    ]
    for shop in places.SHOPS:
        # The manager first: who also decides about money that goes back.
        found.append(login("desk", f"manager-{shop}", f"{names[shop]}店长", shop))
        found.append(login("desk", f"clerk-{shop}", f"{names[shop]}店员", shop))
    for shop, name in zip(places.SHOPS, GUIDES, strict=True):
        found.append(login("guide", guide_login(shop), f"{names[shop]}导购 {name}", shop))
    for shop in places.SHOPS:
        # What goes behind "Terminal" in the Authorization header is not for a form.
        found.append(
            {
                **login("till", till_no(shop), f"{names[shop]}收银台，密码是终端密钥", shop),
                "url_path": "/api/v1/docs/pos.http",
                "password": terminal_key(till_no(shop), TILL_SECRET),
            }
        )
    found.append(
        {
            "face": "shopper",
            "url_path": "/api/v1/docs/first-call/",
            "username": "",
            "password": "",
            "note": "用假微信的登录码登录；unionid 为 "
            f"{unionid(1)} 的微信用户就是会员「{places.MEMBERS[0]}」",
            "store": "",
        }
    )
    return found


def logins_path() -> Path:
    """Beside the data of the embedded servers: DATA_DIR, by default ``.local``."""
    return Path(os.environ.get("DATA_DIR") or ".local") / "demo-logins.json"
