"""All that the calling member owns, in one call: here, because coupons are above members."""

from typing import ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import MemberView
from coupons.selectors import member_coupons
from mall.api import examples as ex
from members.api.cards import CardOutput, cards_of
from members.api.me import TierOutput
from members.api.memberships import MembershipOutput
from members.models import Member
from members.selectors import points_balance
from members.selectors_tiers import membership_live


class WalletOutput(serializers.Serializer):
    """``spendable_fen`` is what the cards could pay together; one order is paid by one card."""

    cards = CardOutput(many=True, help_text=_("oldest first, which is how they pay"))
    spendable_fen = serializers.IntegerField()
    points = serializers.IntegerField()
    points_debt = serializers.IntegerField(help_text=_("repaid by what is earned next"))
    tier = TierOutput(allow_null=True)
    growth = serializers.IntegerField()
    memberships = MembershipOutput(many=True, help_text=_("that were paid for and last now"))
    coupons = serializers.IntegerField(help_text=_("how many can be used now"))


class WalletView(MemberView):
    """All that I own: cards with their lots, points, tier, paid membership and how many coupons.
    Seven statements for any number of cards."""

    examples: ClassVar = {"GET": ex.WALLET}
    output = WalletOutput

    @extend_schema(operation_id="me_wallet_retrieve")
    def get(self, request: Request) -> Response:
        member_id, now = self.request.user.member_id, clock.now()
        member = Member.objects.select_related("tier").get(pk=member_id)
        points, debt = points_balance(member_id)
        cards = CardOutput(cards_of(member_id), many=True, context={"now": now}).data
        return Response(
            {
                "cards": cards,
                "spendable_fen": sum(card["spendable_fen"] for card in cards),
                "points": points,
                "points_debt": debt,
                "tier": None if member.tier is None else TierOutput(member.tier).data,
                "growth": member.growth,
                "memberships": MembershipOutput(
                    membership_live(member_id=member_id, now=now), many=True
                ).data,
                "coupons": member_coupons(member_id=member_id, state="usable", now=now).count(),
            }
        )
