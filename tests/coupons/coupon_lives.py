"""The machine under the model test of coupons: what every step does and asserts, and how coupons
are had, given away, stopped and run out. ``tests.coupons.test_coupons_model`` uses them."""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db.models import Count
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from config.kernel import audit
from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import DomainError, NotFound
from coupons import guards
from coupons import models as db
from coupons.services import code_redeem, coupon_claim, coupon_gift, coupon_give, template_stop
from coupons.services.slots_keep import slots_keep
from mall.services.pos_till import Till
from tests.coupons import coupon_model as model
from tests.lives import ModelledLife

ANY = st.integers(min_value=0, max_value=10_000)
HOURS = (1, 20, 72, 240, 720, 1_200)
LINES = {
    *("coupon.one_use", "coupon.used_is_redeemed", "coupon.use_in_validity", "coupon.ticket"),
    *("coupon.issued", "coupon.per_member", "coupon.per_day", "coupon.code", "coupon.gift"),
    *("coupon.claim_window", "coupon.budget", "coupon.returned_once", "coupon.returned_life"),
    *("coupon.states", "coupon_ticket.states", "coupon_gift.states"),
}


@dataclass
class World:
    """What every life begins with. Of ``tills`` the first two are of one store."""

    start: datetime
    last: datetime
    members: list[int]
    templates: list[model.Template]
    codes: list[model.Code]
    tills: list[Till]


class CouponLives(ModelledLife):
    world: ClassVar[World]

    def __init__(self) -> None:
        super().__init__()
        self.now = self.world.start
        self.templates = [copy(x) for x in self.world.templates]
        own = {x.pk: x for x in self.templates}
        self.codes = [model.Code(x.text, own[x.template.pk], x.shared) for x in self.world.codes]
        self.coupons: list[model.Coupon] = []
        self.gifts: list[model.Gift] = []
        self.orders: list[model.Order] = []
        self.tickets: list[model.Ticket] = []

    def at_the_end(self) -> set[str]:
        self.sweep()
        self.as_the_model_says()
        assert {x.code for x in audit.lines()} >= LINES
        return LINES

    # What every step does.

    def tick(self) -> None:
        self.now += timedelta(minutes=1)

    def member(self, n: int) -> int:
        return self.world.members[n % len(self.world.members)]

    def coupon(self, n: int, channel: str = "") -> model.Coupon:
        """One of the last dozen, for the old ones are mostly used: mostly one that is usable in
        ``channel``, where one is named."""
        last = self.coupons[-12:]
        able = [c for c in last if channel and c.usable(c.holder, channel, self.now)]
        last = able if able and n % 6 else last
        return last[-1 - n % len(last)]

    # How one is had.

    def refusal_to_claim(
        self, template: model.Template, member: int, public: bool
    ) -> type[DomainError] | None:
        mine = [c for c in self.coupons if c.template is template]
        had = [c for c in mine if member in (c.holder, c.giver)]
        own = [c for c in had if member == (c.giver or c.holder)]
        day = (self.now + model.SHANGHAI).date()
        today = [c for c in own if (c.claimed_at + model.SHANGHAI).date() == day]
        if public and not template.public:
            return guards.TemplateUnknown
        if template.stopped or not template.claim_from <= self.now < template.claim_until:
            return guards.ClaimClosed
        if len(had) >= template.per_member:
            return guards.PerMemberLimit
        if template.per_day is not None and len(today) >= template.per_day:
            return guards.PerDayLimit
        if template.issued >= template.quota and not template.slots:
            return guards.QuotaExhausted
        return None

    def had(self, template: model.Template, member: int, source: str, row: Any) -> None:
        until = self.now + timedelta(days=template.days)
        assert (row.valid_from, row.valid_until) == (self.now, until)
        template.take_one()
        coupon = model.Coupon(row.pk, row.no, template, member, source, self.now, until)
        self.coupons.append(coupon)

    @initialize(n=ANY)
    def first_coupons(self, n: int) -> None:
        slots_keep(now=self.now)
        for template in self.templates:
            template.fill(self.now)
        for k in range(5):
            self.claim(n + k, n + k)

    @rule(n=ANY, who=ANY)
    def claim(self, n: int, who: int) -> None:
        self.tick()
        template, member = self.templates[n % len(self.templates)], self.member(who)
        row = self.act(
            self.refusal_to_claim(template, member, public=True),
            lambda: coupon_claim.coupon_claim(
                template_code=template.code,
                member_id=member,
                source_token="",
                actor=Actor.member(member),
                now=self.now,
            ),
        )
        if row is not None:
            self.had(template, member, "claim", row)

    @rule(n=ANY, who=ANY, source=st.sampled_from(("tier", "guide", "push")))
    def give(self, n: int, who: int, source: str) -> None:
        self.tick()
        template, member = self.templates[n % len(self.templates)], self.member(who)
        values: dict[str, Any] = {
            "template_code": template.code,
            "member_id": member,
            "source": source,
            "key": self.word("for:"),
            "actor": SYSTEM,
            "now": self.now,
        }
        refusal = self.refusal_to_claim(template, member, public=False)
        row = self.act(refusal, lambda: coupon_give.coupon_give(**values))
        if row is not None:
            self.had(template, member, source, row)
            assert coupon_give.coupon_give(**values) is None

    @rule(n=ANY, who=ANY, spelt=st.sampled_from((str, str.lower, lambda s: f" {s[:4]}-{s[4:]} ")))
    def redeem_code(self, n: int, who: int, spelt: Callable[[str], str]) -> None:
        self.tick()
        code, member = self.codes[n % len(self.codes)], self.member(who)
        refusal: type[DomainError] | None = self.refusal_to_claim(code.template, member, False)
        if code.used:
            refusal = code_redeem.RedeemCodeUsed
        values = {"member_id": member, "actor": Actor.member(member), "now": self.now}
        row = self.act(refusal, lambda: code_redeem.code_redeem(typed=spelt(code.text), **values))
        if row is not None:
            code.used = not code.shared
            self.had(code.template, member, "code", row)
        if n % 5:
            return
        wrong = code.text[:-1] + ("2" if code.text[-1] != "2" else "3")
        self.act(
            code_redeem.RedeemCodeUnknown,
            lambda: code_redeem.code_redeem(typed=wrong, **values),
        )

    # From hand to hand.

    @precondition(lambda self: self.coupons)
    @rule(n=ANY, stranger=st.booleans(), taker=st.one_of(st.none(), ANY))
    def offer(self, n: int, stranger: bool, taker: int | None) -> None:
        self.tick()
        coupon = self.coupon(n)
        stranger = stranger and n % 4 == 0
        giver = next(m for m in self.world.members if (m != coupon.holder) == stranger)
        refusal: type[DomainError] | None = None
        if stranger:
            refusal = NotFound
        elif (
            not coupon.template.gift_days
            or coupon.giver is not None
            or coupon.state != "claimed"
            or coupon.until <= self.now
            or coupon.template.use_stopped
        ):
            refusal = coupon_gift.CouponNotGiftable
        values = {"coupon_no": coupon.no, "member_id": giver, "actor": SYSTEM, "now": self.now}
        row = self.act(refusal, lambda: coupon_gift.coupon_gift_offer(**values))
        if row is not None:
            ends = min(self.now + timedelta(days=coupon.template.gift_days), coupon.until)
            self.gifts.append(model.Gift(row.no, row.token, coupon, giver, ends))
            coupon.state = "offered"
            if taker is not None:
                self.accept(0, taker)

    @precondition(lambda self: self.gifts)
    @rule(n=ANY, who=ANY)
    def accept(self, n: int, who: int) -> None:
        self.tick()
        gift = self.gifts[-1 - n % min(len(self.gifts), 3)]
        member, coupon = self.member(who), gift.coupon
        theirs = [c for c in self.coupons if c.template is coupon.template]
        refusal: type[DomainError] | None = None
        if member == gift.giver:
            refusal = coupon_gift.CouponGiftOwn
        elif gift.expires_at <= self.now or gift.state != "offered":
            refusal = coupon_gift.CouponGiftEnded
        elif coupon.template.use_stopped:
            refusal = guards.CouponUnavailable
        elif sum(member in (c.holder, c.giver) for c in theirs) >= coupon.template.per_member:
            refusal = guards.PerMemberLimit
        values = {"token": gift.token, "member_id": member, "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: coupon_gift.coupon_gift_accept(**values)) is not None:
            gift.state, gift.taker = "accepted", member
            coupon.state, coupon.holder, coupon.giver = "claimed", member, gift.giver

    @precondition(lambda self: self.gifts)
    @rule(n=ANY)
    def take_back(self, n: int) -> None:
        self.tick()
        gift = self.gifts[n % len(self.gifts)]
        refusal = None if gift.state == "offered" else coupon_gift.CouponGiftEnded
        values = {"gift_no": gift.no, "member_id": gift.giver, "actor": SYSTEM, "now": self.now}
        if self.act(refusal, lambda: coupon_gift.coupon_gift_take_back(**values)) is not None:
            gift.state, gift.coupon.state = "taken_back", "claimed"

    # Stopped, and over.

    @rule(n=ANY, use=st.booleans())
    def stop(self, n: int, use: bool) -> None:
        self.tick()
        template = self.templates[n % len(self.templates)]
        values = {"template_id": template.pk, "actor": SYSTEM, "now": self.now}
        template_stop.template_stop(use=use, reason="burns", **values)
        if not template.stopped or (use and not template.use_stopped):
            template.let_slots_go()
        template.stopped, template.use_stopped = True, template.use_stopped or use
        if n % 3:
            self.resume(0)

    @rule(n=ANY)
    def resume(self, n: int) -> None:
        self.tick()
        stopped = [t for t in self.templates if t.stopped] or self.templates
        template = stopped[n % len(stopped)]
        values = {"template_id": template.pk, "actor": SYSTEM, "now": self.now}
        template_stop.template_resume(reason="looked at", **values)
        template.stopped = template.use_stopped = False

    @rule(hours=st.sampled_from(HOURS))
    def wait(self, hours: int) -> None:
        self.now = min(self.now + timedelta(hours=hours), max(self.now, self.world.last))

    @rule()
    def sweep(self) -> None:
        """What beat does: gifts that nobody took, coupons whose time is over, slots."""
        late = [g for g in self.gifts if g.state == "offered" and g.expires_at <= self.now]
        assert coupon_gift.coupon_gifts_expire(actor=SYSTEM, now=self.now) == len(late)
        for gift in late:
            gift.state, gift.coupon.state = "expired", "claimed"
        over = [
            c for c in self.coupons if c.state in ("claimed", "returned") and c.until <= self.now
        ]
        assert guards.coupon_expire(now=self.now) == len(over)
        for coupon in over:
            coupon.state = "expired"
        assert slots_keep(now=self.now) == sum(t.fill(self.now) for t in self.templates)

    # What must be true after every step.

    @invariant()
    def as_the_model_says(self) -> None:
        rows = db.Coupon.objects.order_by("pk").values_list(
            *("pk", "template_id", "member_id", "given_by_id", "state", "source"),
            *("claimed_at", "valid_until", "locked_by", "locked_fen"),
        )
        assert list(rows) == [
            (
                *(c.pk, c.template.pk, c.holder, c.giver, c.state, c.source),
                *(c.claimed_at, c.until, c.locked_by, c.locked),
            )
            for c in self.coupons
        ]
        uses = db.Redemption.objects.order_by("coupon_id", "pk").values_list(
            *("coupon_id", "reference", "channel", "amount_fen", "returned_fen", "reversed_at")
        )
        assert [(*row[:5], row[5] is None) for row in uses] == [
            (c.pk, u.reference, u.channel, u.amount, u.returned, not u.reversed)
            for c in self.coupons
            for u in c.uses
        ]
        counters = (
            db.Template.objects.annotate(ready=Count("slots"))
            .order_by("pk")
            .values_list("pk", "issued", "spent_fen", "ready")
        )
        assert list(counters) == [(t.pk, t.issued, t.spent, t.slots) for t in self.templates]
        gifts = db.CouponGift.objects.order_by("pk").values_list("no", "state", "taker_id")
        assert list(gifts) == [(g.no, g.state, g.taker) for g in self.gifts]
        tickets = db.CouponTicket.objects.order_by("pk").values_list(
            *("no", "state", "discount_fen", "returned_gross_fen", "returned_discount_fen")
        )
        assert list(tickets) == [
            (t.no, t.state, t.discount, t.returned_gross, t.returned_discount) for t in self.tickets
        ]
