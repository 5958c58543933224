"""The operations site: its name, and its navigation by work instead of by table."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _


def _page(title: Any, model: str, icon: str) -> dict[str, Any]:
    """A link to a model's list, for whoever may view it. ``model`` is ``app.model``."""
    app, _dot, name = model.partition(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": lambda request: (
            request.user.has_perm(f"{app}.view_{name}")
            or request.user.has_perm(f"{app}.change_{name}")
        ),
    }


def _report(title: Any, name: str, icon: str) -> dict[str, Any]:
    """A link to a report of finance, for whoever sees the books."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy("admin:members_report", args=[name]),
        "permission": lambda request: request.user.has_perm("stores.view_account"),
    }


def _group(title: Any, *pages: dict[str, Any], collapsible: bool = True) -> dict[str, Any]:
    return {"title": title, "separator": True, "collapsible": collapsible, "items": list(pages)}


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": _("Mall operations"),
    "SITE_HEADER": _("Mall operations"),
    "SITE_URL": "/",
    "SITE_SYMBOL": "storefront",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "SCRIPTS": [lambda request: static("js/admin.js")],
    "STYLES": [
        lambda request: static("css/admin.css"),
        lambda request: static("css/admin_lists.css"),
    ],
    "COLORS": {
        # The accent of the other faces.
        "primary": {
            "50": "oklch(98.4% .014 180.720)",
            "100": "oklch(95.3% .051 180.801)",
            "200": "oklch(91% .096 180.426)",
            "300": "oklch(85.5% .138 181.071)",
            "400": "oklch(77.7% .152 181.912)",
            "500": "oklch(60% .118 184.704)",
            "600": "oklch(51.1% .096 186.391)",
            "700": "oklch(43.7% .078 188.216)",
            "800": "oklch(38.6% .063 188.416)",
            "900": "oklch(33% .05 189)",
            "950": "oklch(27.7% .046 192.524)",
        },
    },
    "DASHBOARD_CALLBACK": "config.kernel.admin.dashboard.dashboard_context",
    "COMMAND": {"search_callback": "config.kernel.admin.search.search_everything"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "show_all_applications": False,
        "navigation": [
            {
                "items": [
                    {
                        "title": _("Dashboard"),
                        "icon": "monitoring",
                        "link": reverse_lazy("admin:index"),
                    },
                    {
                        **_page(_("Approvals"), "kernel.approval", "approval"),
                        "badge": "stores.admin.approvals.waiting_badge",
                    },
                    {
                        "title": _("My background work"),
                        "icon": "pending_actions",
                        "link": reverse_lazy("admin:kernel_batch_mine"),
                    },
                ]
            },
            _group(
                _("Orders"),
                _page(_("Orders"), "mall.order", "receipt_long"),
                _page(_("Order lines"), "mall.orderline", "format_list_bulleted"),
                _page(_("After-sales"), "mall.aftersale", "assignment_return"),
                _page(_("Pickups"), "stores.pickup", "package_2"),
                _page(_("Fulfilments"), "mall.fulfilment", "local_shipping"),
                _page(_("Till tickets"), "mall.posticket", "receipt"),
                _page(_("Sales of stored value"), "mall.storesale", "add_card"),
                collapsible=False,
            ),
            _group(
                _("Catalogue and stock"),
                _page(_("Products"), "mall.product", "inventory_2"),
                _page(_("SKUs"), "mall.sku", "barcode"),
                _page(_("Categories"), "mall.category", "category"),
                _page(_("Brands"), "mall.brand", "sell"),
                {
                    **_page(_("Prices and stock by store"), "mall.storeoffer", "grid_on"),
                    "link": reverse_lazy("admin:mall_storeoffer_grid"),
                },
                {
                    **_page(_("Store offers"), "mall.storeoffer", "price_change"),
                    # The grid above is below its address.
                    "active": lambda request: (
                        "/mall/storeoffer/" in request.path and not request.path.endswith("/grid/")
                    ),
                },
                _page(_("Stock"), "mall.stock", "warehouse"),
                _page(_("Stock movements"), "mall.stockmovement", "swap_vert"),
                _page(_("Reservations"), "mall.reservation", "bookmark"),
                _page(_("Reviews"), "mall.review", "reviews"),
            ),
            _group(
                _("Stores"),
                _page(_("Stores"), "stores.store", "store"),
                _page(_("Operators"), "stores.operator", "apartment"),
                _page(_("Assignments"), "stores.assignment", "badge"),
                _page(_("Regions"), "stores.region", "map"),
                _page(_("Terminals"), "stores.terminal", "point_of_sale"),
            ),
            _group(
                _("Members"),
                _page(_("Members"), "members.member", "group"),
                _page(_("Cards"), "members.card", "credit_card"),
                _page(_("Card products"), "members.cardproduct", "add_card"),
                _page(_("Top-up offers"), "members.topupoffer", "local_offer"),
                _page(_("Uses of top-up offers"), "members.topupofferuse", "savings"),
                _page(_("Batches of cards"), "members.cardbatch", "inventory"),
                _page(_("Activation codes"), "members.cardactivation", "key"),
                _page(_("Card lots"), "members.cardlot", "layers"),
                _page(_("Card holds"), "members.cardhold", "lock_clock"),
                _page(_("Gifts of cards"), "members.cardgift", "featured_seasonal_and_gifts"),
                _page(_("Paybacks of cards"), "members.cardpayback", "money_off"),
                _page(_("Paybacks to pay"), "members.cardpaybackline", "payments"),
                _page(_("Card alerts"), "members.cardalert", "notification_important"),
                _page(_("Card identities"), "members.cardidentity", "assignment_ind"),
                _page(_("Points"), "members.pointlot", "stars"),
                _page(_("Points set aside"), "members.pointhold", "hourglass_top"),
                _page(_("Tiers"), "members.tier", "workspace_premium"),
                _page(_("Periods in tiers"), "members.membertier", "military_tech"),
                _page(_("Tags"), "members.tag", "sell"),
                _page(_("Tags of members"), "members.membertag", "label"),
                _page(_("Growth"), "members.growthentry", "trending_up"),
                _page(_("Membership plans"), "members.membershipplan", "card_membership"),
                _page(_("Memberships"), "members.membership", "loyalty"),
                _page(_("Messages"), "members.message", "sms"),
                _page(_("Consents"), "members.consent", "verified_user"),
                _page(_("External ids"), "members.externalid", "fingerprint"),
            ),
            _group(
                _("Marketing"),
                _page(_("Coupon templates"), "coupons.template", "confirmation_number"),
                _page(_("Coupons"), "coupons.coupon", "local_activity"),
                _page(_("Redemptions"), "coupons.redemption", "redeem"),
                _page(_("Coupon tickets"), "coupons.couponticket", "receipt"),
                _page(_("Pools of codes"), "coupons.codepool", "qr_code_2"),
                _page(_("Coupon codes"), "coupons.redeemcode", "pin"),
                _page(_("Gifts of coupons"), "coupons.coupongift", "featured_seasonal_and_gifts"),
                _page(_("Decisions on claims"), "coupons.claimdecision", "gavel"),
                _page(_("Quota alerts"), "coupons.quotaalert", "local_fire_department"),
                _page(_("Promotions"), "mall.promotion", "campaign"),
                {
                    **_page(_("Designer of discounts"), "mall.discountdraft", "design_services"),
                    # The calendar is below its address.
                    "active": lambda request: (
                        "/mall/discountdraft/" in request.path
                        and not request.path.endswith("/calendar/")
                    ),
                },
                {
                    **_page(_("Promotion calendar"), "mall.promotion", "calendar_month"),
                    "link": reverse_lazy("admin:mall_discountdraft_calendar"),
                },
                _page(_("Points shop"), "mall.pointsoffer", "loyalty"),
            ),
            _group(
                _("Guides"),
                _page(_("Guides"), "guides.guide", "support_agent"),
                _page(_("Guides' assignments"), "guides.guideassignment", "history"),
                _page(_("Bindings"), "guides.binding", "link"),
                _page(_("Touches"), "guides.touch", "touch_app"),
                _page(_("Attributions"), "guides.attribution", "pie_chart"),
                _page(_("Commission"), "guides.commissionentry", "payments"),
                _page(_("Allowances of coupons"), "guides.couponallowance", "volunteer_activism"),
                _page(_("Coupons handed out"), "guides.couponhandout", "redeem"),
                _page(_("Prepared baskets"), "guides.preparedbasket", "shopping_basket"),
            ),
            _group(
                _("Finance"),
                _page(_("Payments"), "mall.payment", "paid"),
                _page(_("Refunds"), "mall.refund", "currency_exchange"),
                _page(_("Gateway notifications"), "mall.notification", "notifications"),
                _page(_("Accounts"), "stores.account", "account_balance"),
                _page(_("Transfers"), "stores.transfer", "sync_alt"),
                _page(_("Seals"), "stores.seal", "verified"),
                _report(_("Liability of cards"), "liability", "account_balance_wallet"),
                _report(_("Clearing of cards"), "clearing", "swap_horiz"),
                _report(_("Liability of points"), "points", "data_usage"),
                _report(_("Who bears coupons"), "sponsors", "handshake"),
            ),
            _group(
                _("System"),
                _page(_("Users"), "kernel.user", "person"),
                _page(_("Sessions"), "kernel.session", "devices"),
                _page(_("Groups"), "auth.group", "groups"),
                _page(_("Policies"), "kernel.policyversion", "gavel"),
                _page(_("Events"), "kernel.event", "timeline"),
                _page(_("Deliveries"), "kernel.eventdelivery", "outbox"),
                _page(_("Codes"), "kernel.code", "qr_code"),
                _page(_("Batches"), "kernel.batch", "upload_file"),
            ),
        ],
    },
}
