"""From WeChat's ids to the one member they belong to."""

from datetime import datetime
from zlib import crc32

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q

from config.kernel import locks
from config.kernel.actors import Actor
from config.kernel.events import record
from config.kernel.numbers import new_no
from members.events import MemberIdentified, MemberRegistered
from members.models import ExternalId, Member
from members.services.member_wechat import WechatIdentity
from members.states import ExternalKind

PROVIDER = "weixin_miniprogram"


def account_uid(identity: WechatIdentity) -> str:
    """The uid of allauth's account: openids are unique within a mini-program only."""
    return f"{identity.app_id}:{identity.openid}"


def member_identify(*, identity: WechatIdentity, now: datetime) -> Member:
    """The member of ``identity``, made on the first login at any of our mini-programs.

    The openid decides; where it is new, the unionid does, so that a second mini-program reaches
    the same member. An openid and a unionid that already belong to two members stay apart (they
    met before the unionid was known): joining people is a merge, never a side effect.
    Safe when called at once for the same person.
    """
    with transaction.atomic():
        _serialise(identity)
        known = _known(identity)
        member = known.get(ExternalKind.OPENID) or known.get(ExternalKind.UNIONID)
        registered = member is None
        if member is None:
            member = _register(now)
        added = [kind for kind in _ids(identity) if kind not in known]
        _attach(member, identity, added, now)
        events: list[MemberRegistered | MemberIdentified] = []
        if registered:
            events.append(MemberRegistered(subject_id=member.pk))
        events += [MemberIdentified(subject_id=member.pk, id_kind=str(k)) for k in added]
        record(events, actor=Actor.member(member.pk), now=now)
    return member


def unionid_known(unionid: str) -> bool:
    """Whether some member has this unionid. One statement."""
    return ExternalId.objects.filter(kind=ExternalKind.UNIONID, app_id="", value=unionid).exists()


def _ids(identity: WechatIdentity) -> dict[ExternalKind, tuple[str, str]]:
    """Kind → (app id, value), as ExternalId has them."""
    ids = {ExternalKind.OPENID: (identity.app_id, identity.openid)}
    if identity.unionid:
        ids[ExternalKind.UNIONID] = ("", identity.unionid)
    return ids


def _serialise(identity: WechatIdentity) -> None:
    """Two first logins of one person queue up here; the unique ids stand behind it."""
    locks.advisory(
        "member.identity",
        [crc32(f"{kind}:{app}:{value}".encode()) for kind, (app, value) in _ids(identity).items()],
    )


def _known(identity: WechatIdentity) -> dict[str, Member]:
    wanted = Q()
    for kind, (app_id, value) in _ids(identity).items():
        wanted |= Q(kind=kind, app_id=app_id, value=value)
    rows = ExternalId.objects.filter(wanted).select_related("member__user")
    return {row.kind: row.member for row in rows}


def _register(now: datetime) -> Member:
    no = new_no("M")
    user = get_user_model()(username=no, date_joined=now)
    user.set_unusable_password()
    user.save()
    return Member.objects.create(no=no, user=user, created_at=now)


def _attach(
    member: Member, identity: WechatIdentity, added: list[ExternalKind], now: datetime
) -> None:
    ids = _ids(identity)
    ExternalId.objects.bulk_create(
        ExternalId(
            member=member, kind=kind, app_id=ids[kind][0], value=ids[kind][1], created_at=now
        )
        for kind in added
    )
    if ExternalKind.OPENID in added:
        SocialAccount.objects.create(
            user=member.user,
            provider=PROVIDER,
            uid=account_uid(identity),
            extra_data={"app_id": identity.app_id},
        )
