"""The statement of a card as PDF, made in the background: a member's own, or asked for by staff.

It begins, whoever asks, when the card became its holder's: what was before is somebody else's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from pathlib import Path

from django.db import transaction
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from config.kernel import clock, export_files
from config.kernel.actors import Actor
from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress, register_kind
from config.kernel.errors import Conflict, Forbidden, NotFound
from config.kernel.exports import export_record
from config.kernel.locks import advisory
from config.kernel.models import Batch, User
from config.kernel.money import yuan
from config.kernel.numbers import new_no
from config.kernel.pdf_tables import Column, table_pdf
from members.identity import name_masked, phone_masked
from members.models import Card
from members.selectors_statement import (
    CardBook,
    Entry,
    card_book,
    card_entries_all,
    card_transfers,
)
from members.statement_words import PART, WHAT

KIND = "card_statement"
STEP = 1_000
# Each keeps the one background worker busy for seconds.
MOST_WAITING = 3
_COLUMNS = (96, 84, 130, 66, 66, 73)


class StatementsWaiting(Conflict):
    code = "card_statements_waiting"
    message = _("{most} statements are being made already: wait for one of them.")


class StatementNotReady(Conflict):
    code = "card_statement_not_ready"
    message = _("The statement is still being made.")


@dataclass(frozen=True, slots=True)
class Period:
    """Days of Shanghai, both included; None is open."""

    since: date | None
    until: date | None

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """The first moment of the period and the first one after it."""
        since, until = self.since, self.until
        return (
            None if since is None else datetime.combine(since, time.min, clock.SHANGHAI),
            None
            if until is None
            else datetime.combine(until, time.min, clock.SHANGHAI) + timedelta(days=1),
        )

    def __str__(self) -> str:
        since, until = (str(day or "…") for day in (self.since, self.until))
        return f"{since} – {until}"


def register() -> None:
    register_kind(KIND, _("statement of a card"), make_statement)
    export_files.file_kinds.add(KIND)


def card_statement_ask(*, card_no: str, member_id: int, period: Period, now: datetime) -> Batch:
    """Have the statement of one's own card made; the same answer while the same one waits.

    Raises NotFound for nobody's card or somebody else's, StatementsWaiting.
    """
    book = card_book(card_no=card_no, member_id=member_id)
    card = Card.objects.select_related("member__user").get(no=card_no)
    user = card.member.user
    with transaction.atomic():
        advisory("members.statement", [member_id])
        waiting = list(Batch.objects.filter(kind=KIND, started_by=user, finished_at=None))
        for batch in waiting:
            if _asked(batch) == (card.pk, period):
                return batch
        if len(waiting) >= MOST_WAITING:
            raise StatementsWaiting(most=MOST_WAITING)
        return _ask(card, book, period, user, now)


def card_statement_for_staff(
    *, card_id: int, period: Period, reason: str, user: User, actor: Actor, now: datetime
) -> Batch:
    """Have the statement of a card made for ``user``, on record as an export."""
    card = Card.objects.get(pk=card_id)
    book = card_book(card_no=card.no, member_id=card.member_id)
    with transaction.atomic():
        batch = _ask(card, book, period, user, now)
        export_record(
            model=Card._meta.label_lower,
            format="pdf",
            count=batch.total,
            filters={"card": [card.no], "period": [str(period)], "reason": [reason]},
            whole_phones=False,
            actor=actor,
            now=now,
        )
    return batch


def card_statement_of(*, no: str, user_id: int) -> Batch:
    """``user_id``'s own statement. Raises NotFound."""
    found = Batch.objects.filter(kind=KIND, started_by=user_id, request__no=no).first()
    if found is None:
        raise NotFound()
    return found


def card_statement_fetch(*, no: str, user_id: int, actor: Actor, now: datetime) -> Path:
    """The file of ``user_id``'s own statement, on record. Raises NotFound, StatementNotReady,
    ExportGone, ExportUnknown where it failed."""
    batch = card_statement_of(no=no, user_id=user_id)
    if batch.finished_at is None:
        raise StatementNotReady()
    user = User.objects.get(pk=user_id)
    return export_files.export_fetch(batch_id=batch.pk, user=user, actor=actor, now=now)


def _ask(card: Card, book: CardBook, period: Period, user: User, now: datetime) -> Batch:
    since, until = period.moments()
    return batch_ask(
        kind=KIND,
        source=card.no,
        subject=Card._meta.label_lower,
        request={
            "no": new_no("CS"),
            "card_id": card.pk,
            "member_id": card.member_id,
            "since": period.since and period.since.isoformat(),
            "until": period.until and period.until.isoformat(),
        },
        total=card_transfers(book, since=since, until=until).count(),
        user=user,
        now=now,
    )


def _asked(batch: Batch) -> tuple[int, Period]:
    days = (batch.request[name] for name in ("since", "until"))
    return batch.request["card_id"], Period(*(day and date.fromisoformat(day) for day in days))


def make_statement(batch: Batch, at: Clock) -> Outcome:
    """Write the file anew from its first line. Raises NotFound when the card has another holder
    by now, Forbidden when its maker may not take cards away any more, LeaseLost."""
    card_id, period = _asked(batch)
    card = Card.objects.select_related("member", "product", "operator").get(pk=card_id)
    member_id = batch.request["member_id"]
    book = card_book(card_no=card.no, member_id=member_id)
    maker = batch.started_by
    assert maker is not None
    if card.member.user_id != maker.pk and not (
        maker.is_active and maker.has_perm("members.export_card", card)
    ):
        raise Forbidden()
    since, until = period.moments()
    # Lines that come meanwhile are not told of: the pages are counted before the first is written.
    count = card_transfers(book, since=since, until=until).count()
    entries = islice(card_entries_all(book, since=since, until=until), count)
    with export_files.new_file(batch, "pdf") as (name, file):
        pages = table_pdf(
            file,
            title=_now("Statement of a stored-value card"),
            author=card.operator.name,
            facts=_facts(card, period, count, at()),
            columns=_columns(),
            rows=_rows(batch, entries, at),
            count=count + 1,
        )
    now = at()
    return Outcome(
        summary={"rows": count, "pages": pages}, file=name, expires_at=now + export_files.KEPT
    )


def _columns() -> list[Column]:
    titles = (
        (_now("at"), False),
        (_now("what"), False),
        (_now("order number"), False),
        (_now("principal"), True),
        (_now("bonus"), True),
        (_now("balance"), True),
    )
    return [
        Column(title, width, right) for (title, right), width in zip(titles, _COLUMNS, strict=True)
    ]


def _facts(card: Card, period: Period, count: int, now: datetime) -> list[tuple[str, str]]:
    member = card.member
    holder = [member.no, name_masked(member.nickname), phone_masked(member.phone) or ""]
    return [
        (_now("card number"), card.no),
        (_now("product"), card.product.name),
        (_now("issuer"), card.operator.name),
        (_now("holder"), " ".join(part for part in holder if part)),
        (_now("period"), _days(period, now)),
        (_now("lines"), f"{count:,}"),
        (_now("made at"), _moment(now)),
        (_now("amounts"), _now("yuan (CNY)")),
    ]


def _rows(batch: Batch, entries: Iterator[Entry], at: Clock) -> Iterator[Sequence[str]]:
    """Cells line by line, with a word on the batch at each step, and what it comes to at the
    end."""
    what = {code: str(label) for code, label in WHAT}
    principal, bonus = (code for code, _label in PART)
    sums = {principal: 0, bonus: 0}
    balance = number = 0
    batch_progress(batch, done=0, now=at())
    for number, entry in enumerate(entries, start=1):
        transfer, balance = entry.transfer, entry.balance_fen
        sums[entry.part] += entry.amount_fen
        amounts = {entry.part: _signed(entry.amount_fen)}
        yield [
            _moment(transfer.occurred_at),
            what.get(transfer.code, transfer.code),
            transfer.reference,
            amounts.get(principal, ""),
            amounts.get(bonus, ""),
            _plain(balance),
        ]
        if number % STEP == 0:
            batch_progress(batch, done=number, now=at())
    batch_progress(batch, done=number, now=at())
    yield [
        _now("together"),
        "",
        "",
        _signed(sums[principal]),
        _signed(sums[bonus]),
        _plain(balance) if number else "",
    ]


def _days(period: Period, now: datetime) -> str:
    since = period.since or _now("the beginning")
    return f"{since} – {period.until or clock.local_date(now)}"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(clock.SHANGHAI):%Y-%m-%d %H:%M:%S}"


def _plain(fen: int) -> str:
    return yuan(fen).replace("¥", "")


def _signed(fen: int) -> str:
    return f"+{_plain(fen)}" if fen > 0 else _plain(fen)
