"""Plain functions that put a row, or a small world, into the test database.

Keyword-only, with defaults that suit most tests; numbers and codes come from one counter, so a
failing test reads the same on every run. Value (cards, coupons) is never written by hand: it
goes through the service that guards it, and so do its ledger and its events.
"""

from tests.factories.catalogue import (
    make_brand,
    make_category,
    make_offer,
    make_points_offer,
    make_product,
    make_promotion,
    make_sku,
    make_stock,
)
from tests.factories.clients import MallClient, api_client, session_token, staff_client, till_client
from tests.factories.coupons import make_coupon, make_template
from tests.factories.fresh import moment, sequence
from tests.factories.guides import make_basket, make_binding, make_guide
from tests.factories.members import (
    make_card,
    make_card_batch,
    make_card_product,
    make_consent,
    make_external_id,
    make_member,
    make_membership_plan,
    make_tier,
    make_topup,
    make_topup_offer,
)
from tests.factories.people import make_staff, make_user
from tests.factories.policies import publish_policy
from tests.factories.stores import (
    HOURS,
    make_operator,
    make_region,
    make_store,
    make_terminal,
)

__all__ = [
    "HOURS",
    "MallClient",
    "api_client",
    "make_basket",
    "make_binding",
    "make_brand",
    "make_card",
    "make_card_batch",
    "make_card_product",
    "make_category",
    "make_consent",
    "make_coupon",
    "make_external_id",
    "make_guide",
    "make_member",
    "make_membership_plan",
    "make_offer",
    "make_operator",
    "make_points_offer",
    "make_product",
    "make_promotion",
    "make_region",
    "make_sku",
    "make_staff",
    "make_stock",
    "make_store",
    "make_template",
    "make_terminal",
    "make_tier",
    "make_topup",
    "make_topup_offer",
    "make_user",
    "moment",
    "publish_policy",
    "sequence",
    "session_token",
    "staff_client",
    "till_client",
]
