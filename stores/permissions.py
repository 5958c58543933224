"""What a role may do. Where it may do it is the assignment's store or operator.

Roles are data of assignments; this backend turns them into Django's permissions, so the admin
asks one question (``has_perm``) whether somebody is a superuser, in a group or assigned. No role
grants a permission that it does not name: everything else is denied.
"""

from django.contrib.auth.backends import BaseBackend

from stores.selectors import active_assignments
from stores.states import Role

_SALES = (
    "mall.view_order",
    "mall.view_orderline",
    "mall.view_payment",
    "mall.view_refund",
    "mall.view_aftersale",
    "mall.view_fulfilment",
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
    "stores.view_store",
    "stores.view_operator",
    "stores.view_region",
    "stores.view_pickup",
)
_PEOPLE = (
    "members.view_member",
    "members.view_tier",
    "members.view_card",
    "members.view_cardproduct",
    "members.view_cardlot",
    "members.view_cardhold",
    "members.view_pointlot",
    "members.view_message",
    "members.view_consent",
    "members.view_externalid",
    "coupons.view_template",
    "coupons.view_coupon",
    "coupons.view_redemption",
)
_GUIDES = (
    "guides.view_guide",
    "guides.view_guideassignment",
    "guides.view_binding",
    "guides.view_touch",
    "guides.view_attribution",
    "guides.view_commissionentry",
)
_BOOKS = (
    "stores.view_account",
    "stores.view_transfer",
    "stores.view_seal",
    "mall.view_notification",
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


def _write(*models: str) -> tuple[str, ...]:
    return tuple(
        f"{label}.{verb}_{name}"
        for label, name in (model.split(".") for model in models)
        for verb in ("add", "change")
    )


def _export(*granted: str) -> tuple[str, ...]:
    """Taking away as a file what may be seen."""
    return tuple(grant.replace(".view_", ".export_") for grant in granted)


_EVERYTHING = (*_SALES, *_PEOPLE, *_GUIDES, *_BOOKS, *_RECORDS)
GRANTS: dict[str, frozenset[str]] = {
    Role.HEADQUARTERS: frozenset(
        (
            *_EVERYTHING,
            *_export(*_EVERYTHING),
            "members.view_phone",
            *_write(
                "stores.operator",
                "stores.store",
                "stores.assignment",
                "members.tier",
                "members.cardproduct",
                "members.card",
                "coupons.template",
                "mall.brand",
                "mall.category",
                "mall.product",
                "mall.sku",
                "mall.storeoffer",
                "mall.promotion",
                "mall.order",
                "mall.aftersale",
                "mall.refund",
                "guides.guide",
                "guides.guideassignment",
                "guides.binding",
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
            *_write("mall.aftersale", "mall.refund", "members.card"),
        )
    ),
    Role.SERVICE: frozenset(
        (*_SALES, *_PEOPLE, *_write("mall.order", "mall.aftersale", "members.card"))
    ),
    Role.MANAGER: frozenset(
        (
            *_SALES,
            *_GUIDES,
            *_export(*_SALES, *_GUIDES),
            *_write("mall.order", "mall.aftersale", "mall.storeoffer"),
        )
    ),
    Role.CLERK: frozenset(_SALES),
    Role.AUDITOR: frozenset((*_EVERYTHING, *_export(*_EVERYTHING))),
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


class RoleBackend(BaseBackend):
    """Permissions of a staff member's roles, read once per request."""

    def get_all_permissions(self, user_obj, obj=None) -> set[str]:
        if not user_obj.is_active or not user_obj.is_staff or obj is not None:
            return set()
        cached = getattr(user_obj, "_role_permissions", None)
        if cached is None:
            cached = set()
            rows = active_assignments(user_obj).values_list("role", "store_id", "operator_id")
            for role, store_id, operator_id in rows:
                granted = GRANTS.get(role, frozenset())
                bound = store_id is not None or operator_id is not None
                cached |= granted - GROUP_WIDE if bound else granted
            user_obj._role_permissions = cached
        return cached

    def has_perm(self, user_obj, perm, obj=None) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)

    def has_module_perms(self, user_obj, app_label: str) -> bool:
        prefix = f"{app_label}."
        return any(perm.startswith(prefix) for perm in self.get_all_permissions(user_obj))
