"""A quote of a top-up, and what is left on a card."""

from mall.services.quote import Basket, quote
from members.selectors import card_lots


def ask(store, member, now, **basket):
    return quote(basket=Basket(member_id=member.pk, store_code=store.code, **basket), now=now)


def left(card) -> list[tuple[int, int]]:
    return [(x.principal_fen, x.bonus_fen) for x in card_lots(member_id=card.member_id)]
