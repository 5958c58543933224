"""Audit lines of messages and identities. Numbers are those of the rules."""

from config.kernel.audit import Line, register, state_chain
from members.states import MESSAGE_MACHINE

register(
    state_chain(
        "message.states",
        "a message's history is an allowed path that ends in its state",
        subject_type="message",
        table="members_message",
        machine=MESSAGE_MACHINE,
    ),
    Line(
        31,
        "message.consent",
        "every message that was sent had its member's consent when it was queued",
        """
        SELECT m.id, m.created_at, m.sent_at FROM members_message m
        WHERE m.state = 'sent' AND NOT EXISTS (
          SELECT 1 FROM members_consent c
          WHERE c.member_id = m.member_id AND c.kind = 'messages' AND c.given_at <= m.created_at
            AND (c.withdrawn_at IS NULL OR c.withdrawn_at >= m.created_at))
        """,
    ),
    Line(
        31,
        "message.withdrawn",
        "nobody is messaged after withdrawing consent",
        """
        SELECT m.id, m.sent_at FROM members_message m
        WHERE m.state = 'sent' AND NOT EXISTS (
          SELECT 1 FROM members_consent c
          WHERE c.member_id = m.member_id AND c.kind = 'messages' AND c.given_at <= m.sent_at
            AND (c.withdrawn_at IS NULL
                 -- A call to WeChat that was on its way cannot be called back.
                 OR c.withdrawn_at >= m.sent_at - interval '2 minutes'))
        """,
    ),
    Line(
        31,
        "member.identified",
        "every login at a mini-program leads to the user of the member who has its openid",
        """
        SELECT a.id, a.uid, a.user_id, m.user_id AS member_user_id
        FROM socialaccount_socialaccount a
        LEFT JOIN members_externalid e
          ON e.kind = 'openid' AND e.app_id || ':' || e.value = a.uid
        LEFT JOIN members_member m ON m.id = e.member_id
        WHERE a.provider = 'weixin_miniprogram' AND m.user_id IS DISTINCT FROM a.user_id
        """,
    ),
)
