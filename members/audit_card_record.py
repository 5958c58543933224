"""An audit line over what is on record of cards: nothing changes on one without its event.

What a card's state, holder and number may be, and that its history leads there, other lines say
(``card.states``, ``card.holder``, ``card.replaced``); this one is about the rest.
"""

from config.kernel.audit import Line, register

register(
    Line(
        27,
        "card.on_record",
        "every top-up, correction, replacement, reactivation and payback of a card has its event",
        """
        WITH told AS (
          SELECT e.kind, e.subject_id AS card_id, coalesce(e.payload -> 'lot_id',
            e.payload -> 'replacement_id', e.payload -> 'reactivation_id',
            e.payload -> 'payback_id', e.payload -> 'approval_id')::bigint AS id
          FROM kernel_event e WHERE e.subject_type = 'card'
            AND e.kind IN ('members.card_topped_up', 'members.card_replaced',
              'members.card_reactivated', 'members.card_paid_back', 'members.card_adjusted')
        ), done AS (
          -- The first lot came with the card, whose event is that of its state.
          SELECT 'members.card_topped_up' AS kind, l.card_id, l.id FROM members_cardlot l
          WHERE l.key NOT LIKE 'adjust:%' AND EXISTS (
            SELECT FROM members_cardlot first WHERE first.card_id = l.card_id AND first.id < l.id)
          UNION ALL
          SELECT 'members.card_replaced', card_id, id FROM members_cardreplacement
          UNION ALL
          SELECT 'members.card_reactivated', card_id, id FROM members_cardreactivation
          UNION ALL
          SELECT 'members.card_paid_back', l.card_id, b.id FROM members_cardpayback b
          JOIN members_cardpaybackline p ON p.payback_id = b.id
          JOIN members_cardlot l ON l.id = p.lot_id
          UNION
          SELECT 'members.card_adjusted', l.card_id, a.id FROM stores_transfer t
          JOIN kernel_approval a ON a.no = t.reference AND a.kind = 'members.card_adjust'
          JOIN members_cardlot l ON l.bonus_id IN (t.debit_id, t.credit_id)
          WHERE t.code = 'card.adjust'
        )
        SELECT done.* FROM done LEFT JOIN told USING (kind, card_id, id) WHERE told.id IS NULL
        """,
    ),
)
