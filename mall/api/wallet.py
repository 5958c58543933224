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
from members.selectors import points_balance
from members.selectors_tiers import membership_live, tier_progress


class TierProgressOutput(serializers.Serializer):
    """By the rules in force: growth counts within their window, and keeps a tier until then."""

    growth = serializers.IntegerField(help_text=_("that counts today"))
    until = serializers.DateTimeField(allow_null=True, help_text=_("null: for ever"))
    next = TierOutput(allow_null=True, help_text=_("null in the highest"))
    missing_growth = serializers.IntegerField(allow_null=True)


class WalletOutput(serializers.Serializer):
    """``spendable_fen`` is what the cards could pay together; one order is paid by one card."""

    cards = CardOutput(many=True, help_text=_("oldest first, which is how they pay"))
    spendable_fen = serializers.IntegerField()
    points = serializers.IntegerField()
    points_debt = serializers.IntegerField(help_text=_("repaid by what is earned next"))
    tier = TierOutput(allow_null=True)
    growth = serializers.IntegerField()
    tier_progress = TierProgressOutput()
    memberships = MembershipOutput(many=True, help_text=_("that were paid for and last now"))
    coupons = serializers.IntegerField(help_text=_("how many can be used now"))


class WalletView(MemberView):
    """All that I own: cards with their lots, points, tier, paid membership and how many coupons.
    Eleven statements at most, for any number of cards."""

    examples: ClassVar = {"GET": ex.WALLET}
    output = WalletOutput

    @extend_schema(operation_id="me_wallet_retrieve")
    def get(self, request: Request) -> Response:
        member_id, now = self.request.user.member_id, clock.now()
        progress = tier_progress(member_id=member_id, now=now)
        points, debt = points_balance(member_id)
        cards = CardOutput(cards_of(member_id), many=True, context={"now": now}).data
        return Response(
            {
                "cards": cards,
                "spendable_fen": sum(card["spendable_fen"] for card in cards),
                "points": points,
                "points_debt": debt,
                "tier": None if progress.tier is None else TierOutput(progress.tier).data,
                "growth": progress.total_growth,
                "tier_progress": TierProgressOutput(progress).data,
                "memberships": MembershipOutput(
                    membership_live(member_id=member_id, now=now), many=True
                ).data,
                "coupons": member_coupons(member_id=member_id, state="usable", now=now).count(),
            }
        )
