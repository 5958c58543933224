from datetime import timedelta

from config.kernel.actors import SYSTEM
from config.kernel.models import User
from members.models import (
    Card,
    CardBatch,
    CardLot,
    CardProduct,
    Consent,
    ExternalId,
    Member,
    MembershipPlan,
    Tier,
    TopUpOffer,
)
from stores.models import Operator, Store
from tests.factories.fresh import moment, sequence
from tests.factories.people import make_user
from tests.factories.stores import make_operator


def make_tier(*, code: str = "", growth_from: int = 0, points_rate_bp: int = 10_000) -> Tier:
    n = sequence()
    return Tier.objects.create(
        code=code or f"tier{n}",
        name=f"等级{n}",
        growth_from=growth_from,
        points_rate_bp=points_rate_bp,
    )


def make_member(
    *,
    user: User | None = None,
    phone: str | None = "",
    nickname: str = "",
    tier: Tier | None = None,
    home_store: Store | None = None,
    openid: str = "",
    appid: str = "wx0000000000mall01",
    messages: bool = True,
) -> Member:
    """A shopper with a phone, an openid and (unless ``messages=False``) consent to messages.

    ``phone=None`` makes one who has not bound a phone yet.
    """
    n = sequence()
    member = Member.objects.create(
        no=f"M{n:08d}",
        user=user or make_user(),
        phone=f"+86138{n:08d}" if phone == "" else phone,
        nickname=nickname or f"会员{n}",
        tier=tier,
        home_store=home_store,
        created_at=moment(),
    )
    make_external_id(member=member, value=openid or f"openid-{n}", app_id=appid)
    if messages:
        make_consent(member=member)
    return member


def make_external_id(
    *, member: Member, value: str, kind: str = "openid", app_id: str = "wx0000000000mall01"
) -> ExternalId:
    return ExternalId.objects.create(
        member=member,
        kind=kind,
        app_id="" if kind == "unionid" else app_id,
        value=value,
        created_at=moment(),
    )


def make_consent(*, member: Member, kind: str = "messages", version: str = "1") -> Consent:
    return Consent.objects.create(member=member, kind=kind, version=version, given_at=moment())


def make_card_product(
    *,
    operator: Operator | None = None,
    code: str = "",
    price_fen: int = 50_000,
    bonus_fen: int = 5_000,
    limit_fen: int = 500_000,
    named: bool = True,
    **fields,
) -> CardProduct:
    n = sequence()
    return CardProduct.objects.create(
        code=code or f"cp{n}",
        name=f"储值卡{n}",
        operator=operator or make_operator(),
        named=named,
        price_fen=price_fen,
        bonus_fen=bonus_fen,
        limit_fen=limit_fen,
        **fields,
    )


def make_card(
    member: Member,
    *,
    principal_fen: int = 50_000,
    bonus_fen: int = 5_000,
    operator: Operator | None = None,
    now=None,
    **fields,
) -> Card:
    """A card that was bought for ``principal_fen`` in cash, with its bonus; ``fields`` are its
    product's."""
    from members.services.card_issue import card_issue
    from stores.ledger import AccountSpec, accounts_ensure

    product = make_card_product(
        operator=operator, price_fen=principal_fen, bonus_fen=bonus_fen, **fields
    )
    funding = f"cash:{product.operator.code}"
    n = sequence()
    return card_issue(
        member_id=member.pk,
        card_product_id=product.pk,
        funding_account_id=accounts_ensure([AccountSpec(funding)])[funding],
        reference=f"TEST{n}",
        key=f"test-card:{n}",
        actor=SYSTEM,
        now=now or moment(),
    )


def make_card_batch(
    *, operator: Operator | None = None, count: int = 1, price_fen: int = 50_000, now=None
) -> CardBatch:
    """So many unnamed cards, sold to a company that paid by transfer, and their codes made."""
    from members.services.card_batch import card_batch_make, card_batch_sell
    from stores.ledger import AccountSpec, accounts_ensure

    product = make_card_product(
        operator=operator, named=False, price_fen=price_fen, bonus_fen=0, limit_fen=100_000
    )
    bank = f"bank:{product.operator.code}"
    batch = card_batch_sell(
        card_product_id=product.pk,
        count=count,
        payer="company",
        way="transfer",
        funding_account_id=accounts_ensure([AccountSpec(bank)])[bank],
        reference="HT-1",
        key="HT-1",
        actor=SYSTEM,
        now=now or moment(),
    )
    card_batch_make(batch_id=batch.pk)
    return batch


def make_topup(
    card: Card, *, principal_fen: int = 10_000, bonus_fen: int = 1_000, now=None, **fields
) -> CardLot:
    """One more lot on the card, paid in cash."""
    from members.services.card_topup import card_topup
    from stores.ledger import AccountSpec, accounts_ensure

    funding = f"cash:{card.operator.code}"
    n = sequence()
    return card_topup(
        card_id=card.pk,
        principal_fen=principal_fen,
        bonus_fen=bonus_fen,
        funding_account_id=accounts_ensure([AccountSpec(funding)])[funding],
        reference=f"TEST{n}",
        key=f"test-topup:{n}",
        actor=SYSTEM,
        now=now or moment(),
        **fields,
    )


def make_topup_offer(
    *, operator: Operator, steps: list[tuple[int, int]], once_per_member: bool = False, **fields
) -> TopUpOffer:
    """``steps`` are (from, bonus) in fen. Open since a month ago, and without an end."""
    n = sequence()
    return TopUpOffer.objects.create(
        code=f"offer{n}",
        name=f"充值优惠{n}",
        operator=operator,
        steps=[{"from_fen": start, "bonus_fen": bonus} for start, bonus in steps],
        once_per_member=once_per_member,
        **{"starts_at": moment() - timedelta(days=30), **fields},
    )


def make_membership_plan(
    *, code: str = "", operator: Operator | None = None, price_fen: int = 9_900, days: int = 30
) -> MembershipPlan:
    """A membership on sale."""
    n = sequence()
    return MembershipPlan.objects.create(
        code=code or f"plan{n}",
        name=f"会员卡{n}",
        operator=operator or make_operator(),
        price_fen=price_fen,
        days=days,
    )
