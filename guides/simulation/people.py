"""Who comes: new members by the login of a mini-program, and those who come again."""

import random
from datetime import datetime

from config.kernel.actors import Actor
from guides.simulation.traffic import weighted
from guides.simulation.world import DISTRICTS, Person, World
from members.models import ExternalId, Member
from members.services.consent_give import consent_give
from members.services.member_identify import member_identify
from members.services.member_wechat import WechatIdentity
from members.services.phone_bind import PhoneTaken, phone_bind
from members.states import ConsentKind, ExternalKind

_FAMILY = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘蒋蔡余"
_GIVEN = [
    "雨桐", "子涵", "欣怡", "思远", "佳宁", "浩然", "诗涵", "俊杰", "梦瑶", "嘉禾",
    "若曦", "明哲", "可欣", "天佑", "静姝", "一诺", "清妍", "承宇", "乐言", "书瑶",
    "晨曦", "安然", "宇航", "晓晴", "念之", "景行", "婉清", "云帆", "初夏", "知夏",
    "听风", "怀瑾", "采薇", "星河", "沐阳", "南栀", "锦年", "语柔",
]  # fmt: skip


def visitor(world: World, rng: random.Random, now: datetime) -> tuple[Person, bool]:
    """Whoever comes at ``now``, and whether for the first time. The more members there are, the
    rarer a new one is; a part of the old ones comes much more often than the rest."""
    known = len(world.people)
    newcomers = 70 + 45_000 // (known * DISTRICTS + 130)
    if not known or rng.randrange(1000) < newcomers:
        return newcomer(world, rng, now), True
    place = min(rng.randrange(known), rng.randrange(known)) if rng.randrange(3) else None
    return world.people[rng.randrange(known) if place is None else place], False


def newcomer(world: World, rng: random.Random, now: datetime) -> Person:
    """A first login, with consent to privacy, mostly to messages, and mostly a phone number."""
    number = len(world.people) + 1
    shop = weighted(rng, world.shop_sums)
    identity = WechatIdentity(world.appid, f"{world.openid}{number:07d}")
    member = member_identify(identity=identity, now=now)
    actor = Actor.member(member.pk)
    kinds = [ConsentKind.PRIVACY]
    if rng.randrange(100) < 70:
        kinds.append(ConsentKind.MESSAGES)
    for kind in kinds:
        consent_give(member_id=member.pk, kind=kind, version="1", actor=actor, now=now)
    if rng.randrange(100) < 85:
        try:
            phone_bind(
                member_id=member.pk,
                phone=f"+86198{world.district}{number:07d}",
                actor=actor,
                now=now,
            )
        except PhoneTaken:
            # Somebody real has it; people live without a phone number here.
            pass
    name = rng.choice(_FAMILY) + rng.choice(_GIVEN)
    # What they call themselves and where they shop: no value, no state.
    Member.objects.filter(pk=member.pk).update(
        nickname=name,
        home_store_id=world.shops[shop].pk,
        tier_id=world.tier_id,
    )
    person = Person(member.pk, shop)
    world.people.append(person)
    return person


def demo_members_join(world: World, now: datetime) -> None:
    """The demo's members of these shops too: they log in once, as their unionid knows them."""
    index = {shop.pk: n for n, shop in enumerate(world.shops)}
    rows = (
        ExternalId.objects.filter(
            kind=ExternalKind.UNIONID, member__no__startswith="MDEMO", member__home_store__in=index
        )
        .exclude(member__in=world.member_ids)
        .order_by("pk")
        .values_list("member_id", "member__no", "member__home_store_id", "value")
    )
    for member_id, no, store_id, unionid in rows:
        member_identify(
            identity=WechatIdentity(world.appid, f"{world.openid}{no.lower()}", unionid), now=now
        )
        world.people.append(Person(member_id, index[store_id or 0]))
