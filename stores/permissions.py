"""What a role may do, as data. Where somebody may do it: :mod:`stores.reach`.

No role grants a permission that it does not name: everything else is denied. Headquarters may do
whatever another role may, so nobody who assigns roles gives away more than they have.
"""

from stores.states import Role

# Working at a store's desk: making parcels ready and handing them over.
DESK = "stores.handover_pickup"
# Asking for units of an order back; deciding on it is to change an after-sale.
ASK = "mall.add_aftersale"
DECIDE = "mall.change_aftersale"
# Selling stored value at a desk; undoing a sale, and giving back what cards paid on another day.
SELL = "mall.add_storesale"
UNDO = "mall.change_storesale"
# Giving back what coupons were redeemed for when the minutes for it are over.
UNREDEEM = "coupons.change_couponticket"
# What goods cost us.
COST = "mall.view_cost"

_SALES = (
    "mall.view_order",
    "mall.view_orderline",
    "mall.view_payment",
    "mall.view_refund",
    "mall.view_aftersale",
    "mall.view_fulfilment",
    "mall.view_posticket",
    "mall.view_storesale",
    "coupons.view_couponticket",
    "mall.view_reservation",
    "mall.view_stock",
    "mall.view_stockmovement",
    "mall.view_storeoffer",
    "mall.view_product",
    "mall.view_sku",
    "mall.view_category",
    "mall.view_brand",
    "mall.view_review",
    "mall.view_promotion",
    "mall.view_pointsoffer",
    "stores.view_store",
    "stores.view_operator",
    "stores.view_region",
    "stores.view_pickup",
    "stores.view_terminal",
)
_PEOPLE = (
    "members.view_member",
    "members.view_tier",
    "members.view_card",
    "members.view_cardproduct",
    "members.view_cardlot",
    "members.view_cardhold",
    "members.view_cardactivation",
    "members.view_cardalert",
    "members.view_cardbatch",
    "members.view_cardgift",
    "members.view_cardpayback",
    "members.view_cardpaybackline",
    "members.view_topupoffer",
    "members.view_topupofferuse",
    "members.view_pointhold",
    "members.view_growthentry",
    "members.view_membertier",
    "members.view_tag",
    "members.view_membertag",
    "members.view_membership",
    "members.view_membershipplan",
    "members.view_pointlot",
    "members.view_message",
    "members.view_consent",
    "members.view_externalid",
    "coupons.view_template",
    "coupons.view_coupon",
    "coupons.view_redemption",
    "coupons.view_codepool",
    "coupons.view_redeemcode",
    "coupons.view_coupongift",
    "coupons.view_claimdecision",
    "coupons.view_quotaalert",
)
_GUIDES = (
    "guides.view_guide",
    "guides.view_guideassignment",
    "guides.view_binding",
    "guides.view_touch",
    "guides.view_attribution",
    "guides.view_commissionentry",
    "guides.view_couponallowance",
    "guides.view_couponhandout",
    "guides.view_preparedbasket",
)
_BOOKS = (
    "stores.view_account",
    "stores.view_transfer",
    "stores.view_seal",
    "mall.view_notification",
    "mall.view_discountdraft",
    # Who bought stored value: masked; looking at it in the clear is to change it.
    "members.view_cardidentity",
)
_RECORDS = (
    "kernel.view_event",
    "kernel.view_eventdelivery",
    "kernel.view_policyversion",
    "kernel.view_batch",
    "kernel.view_code",
    "kernel.view_user",
    "kernel.view_session",
    "stores.view_assignment",
)
# The inbox of one's places. Deciding takes the kind's own permission there as well, and a limit.
_INBOX = ("kernel.view_approval",)
_JUDGE = ("kernel.change_approval",)


def _write(*models: str) -> tuple[str, ...]:
    return tuple(
        f"{label}.{verb}_{name}"
        for label, name in (model.split(".") for model in models)
        for verb in ("add", "change")
    )


def _export(*granted: str) -> tuple[str, ...]:
    """Taking away as a file what may be seen."""
    return tuple(grant.replace(".view_", ".export_") for grant in granted)


_EVERYTHING = (*_SALES, *_PEOPLE, *_GUIDES, *_BOOKS, *_RECORDS, *_INBOX)
GRANTS: dict[str, frozenset[str]] = {
    Role.HEADQUARTERS: frozenset(
        (
            *_EVERYTHING,
            *_export(*_EVERYTHING),
            *_JUDGE,
            "members.view_phone",
            "members.change_birthday",
            COST,
            DESK,
            UNREDEEM,
            *_write(
                "stores.operator",
                "stores.store",
                "stores.assignment",
                "stores.terminal",
                "members.tier",
                "members.tag",
                "members.membertag",
                "members.cardproduct",
                "members.card",
                "members.cardalert",
                "members.cardbatch",
                "members.cardidentity",
                "members.cardpaybackline",
                "members.topupoffer",
                "members.membershipplan",
                "members.pointlot",
                "coupons.template",
                "coupons.codepool",
                "coupons.quotaalert",
                "mall.brand",
                "mall.category",
                "mall.product",
                "mall.sku",
                "mall.storeoffer",
                "mall.stock",
                "mall.promotion",
                "mall.discountdraft",
                "mall.pointsoffer",
                "mall.order",
                "mall.aftersale",
                "mall.refund",
                "mall.storesale",
                "guides.guide",
                "guides.guideassignment",
                "guides.binding",
                "guides.couponallowance",
                "kernel.policyversion",
                "kernel.user",
                "kernel.session",
            ),
        )
    ),
    Role.FINANCE: frozenset(
        (
            *_EVERYTHING,
            *_export(*_EVERYTHING),
            *_JUDGE,
            COST,
            *_write(
                "mall.aftersale",
                "mall.refund",
                "mall.storesale",
                "members.card",
                "members.cardalert",
                "members.cardbatch",
                "members.cardidentity",
                "members.cardpaybackline",
                "members.pointlot",
            ),
        )
    ),
    Role.SERVICE: frozenset(
        (
            *_SALES,
            *_PEOPLE,
            *_INBOX,
            *_JUDGE,
            "members.change_birthday",
            DESK,
            SELL,
            *_write(
                "mall.order",
                "mall.aftersale",
                "members.card",
                "members.cardalert",
                "members.membertag",
                "members.pointlot",
            ),
        )
    ),
    Role.MANAGER: frozenset(
        (
            *_SALES,
            *_GUIDES,
            *_INBOX,
            *_export(*_SALES, *_GUIDES, *_INBOX),
            *_JUDGE,
            DESK,
            UNREDEEM,
            *_write(
                "mall.order", "mall.aftersale", "mall.storesale", "mall.storeoffer", "mall.stock"
            ),
        )
    ),
    # Takes goods back at the desk; whether money goes back for them is a manager's to say.
    Role.CLERK: frozenset((*_SALES, DESK, ASK, SELL)),
    Role.AUDITOR: frozenset((*_EVERYTHING, *_export(*_EVERYTHING), COST)),
}


# What belongs to the whole group: granted by an assignment to headquarters alone, not by one
# that is bound to a store or an operator.
GROUP_WIDE = frozenset(
    (
        *(grant for grant in (*_RECORDS, *_export(*_RECORDS)) if grant.startswith("kernel.")),
        *_write(
            "stores.operator",
            "members.tier",
            "mall.brand",
            "mall.category",
            "mall.product",
            "mall.sku",
            "kernel.policyversion",
            "kernel.user",
            "kernel.session",
        ),
    )
)


BOUND = {role: granted - GROUP_WIDE for role, granted in GRANTS.items()}


def granted_by(role: str, store_id: int | None, operator_id: int | None) -> frozenset[str]:
    """What an assignment of ``role`` to this scope (neither: headquarters) grants."""
    bound = store_id is not None or operator_id is not None
    return (BOUND if bound else GRANTS).get(role, frozenset())
