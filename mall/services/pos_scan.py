"""A till scans a member's code: who stands there, and what they can pay with."""

from datetime import datetime
from typing import Any

from mall.services.pos_quote import store_coupons
from mall.services.pos_till import Till
from members.guards_code import member_code_use
from members.models import Card, Member
from members.selectors import card_lots, points_balance


def pos_scan(*, till: Till, code: str, now: datetime) -> dict[str, Any]:
    """Use the code and open a visit. Returns {visit, valid_until, member, cards, coupons}: the
    cards that pay here with what is spendable on them, the coupons that stores take.

    Raises MemberCodeInvalid, MemberCodeUsed.
    """
    opened = member_code_use(scanned=code, by=till.name, now=now)
    member = Member.objects.select_related("tier").get(pk=opened.member_id)
    points, _debt = points_balance(member.pk)
    return {
        "visit": opened.visit,
        "valid_until": opened.until,
        "member": {
            "no": member.no,
            "nickname": member.nickname,
            "phone_tail": (member.phone or "")[-4:],
            "tier": member.tier.name if member.tier else "",
            "points": points,
        },
        "cards": _cards(till, member.pk),
        "coupons": [
            {
                "no": rule.no,
                "name": rule.name,
                "threshold_fen": rule.threshold_fen,
                "valid_until": rule.valid_until,
            }
            for rule in store_coupons(till=till, member_id=member.pk, now=now)
        ],
    }


def _cards(till: Till, member_id: int) -> list[dict[str, Any]]:
    lots = card_lots(
        member_id=member_id, acceptor_code=till.operator_code, store_code=till.store_code
    )
    found: dict[int, dict[str, Any]] = {}
    for lot in lots:
        card = found.setdefault(
            lot.card_id, {"no": lot.card_no, "name": "", "principal_fen": 0, "bonus_fen": 0}
        )
        card["principal_fen"] += lot.principal_fen
        card["bonus_fen"] += lot.bonus_fen
    names = Card.objects.filter(pk__in=found).values_list("pk", "product__name")
    for pk, name in names if found else ():
        found[pk]["name"] = name
    return [
        {**card, "spendable_fen": card["principal_fen"] + card["bonus_fen"]}
        for card in found.values()
    ]
