"""Pools of codes: made or imported in the background, taken away as a file, stopped."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress
from config.kernel.batches import register_kind as register_batch
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.events import record
from config.kernel.export_files import KEPT, file_kinds, new_file
from config.kernel.exports import export_record
from config.kernel.models import Batch, User
from config.kernel.numbers import code_shown, new_no
from coupons.events import CodePoolStopped
from coupons.guards import TemplateUnknown
from coupons.locks import pool_lock
from coupons.models import CodePool, RedeemCode, Template
from coupons.redeem_codes import code_hash, code_plain, redeem_code
from coupons.states import PoolKind

MOST = 1_000_000
CHUNK = 5_000
KIND = "coupon_codes"


class CodePoolInvalid(DomainError):
    code = "coupon_pool_invalid"
    message = _("A pool is of one to {most} codes, or of one shared code of 4 to 32 characters.")


class SharedCodeTaken(Conflict):
    code = "coupon_code_taken"
    message = _("This code is another pool's.")


def code_pool_create(
    *,
    template_id: int,
    name: str,
    count: int = 0,
    imported: bool = False,
    shared_code: str = "",
    valid_until: datetime | None = None,
    now: datetime,
) -> CodePool:
    """A pool of ``count`` codes to be made or imported, or of one code for everybody.

    Raises TemplateUnknown, CodePoolInvalid, SharedCodeTaken.
    """
    plain = code_plain(shared_code) if shared_code else None
    if bool(shared_code) == bool(count) or not 0 <= count <= MOST or (shared_code and not plain):
        raise CodePoolInvalid(most=MOST)
    if not Template.objects.filter(pk=template_id).exists():
        raise TemplateUnknown()
    try:
        with transaction.atomic():
            return CodePool.objects.create(
                no=new_no("PL", 12),
                template_id=template_id,
                name=name[:80],
                kind=PoolKind.SHARED if plain else PoolKind.UNIQUE,
                count=count,
                imported=imported,
                shared_code=plain,
                valid_until=valid_until,
                created_at=now,
            )
    except IntegrityError:
        raise SharedCodeTaken() from None


def code_pool_make(*, pool_id: int, limit: int = CHUNK) -> int:
    """Make up to ``limit`` more codes of the pool; returns how many. Call until it returns 0: an
    interrupted run goes on where it stopped. Raises NotFound."""
    with transaction.atomic():
        pool = pool_lock(pool_id=pool_id)
        if pool is None:
            raise NotFound()
        more = 0 if pool.stopped_at or pool.imported else min(limit, pool.count - pool.made)
        RedeemCode.objects.bulk_create(
            RedeemCode(pool=pool, serial=serial, code_hash=code_hash(redeem_code(pool.no, serial)))
            for serial in range(pool.made + 1, pool.made + more + 1)
        )
        CodePool.objects.filter(pk=pool.pk).update(made=pool.made + more)
    return more


def code_pool_import(*, pool_id: int, codes: Sequence[str]) -> list[tuple[int, str]]:
    """Keep the codes of somebody else in the pool, as many as it has room for. Returns what was
    not taken: (place in ``codes``, "code" for what is none, "taken" for what is there already,
    "full"). Send them in pieces of some thousands. Raises NotFound."""
    with transaction.atomic():
        pool = pool_lock(pool_id=pool_id)
        if pool is None or not pool.imported:
            raise NotFound()
        hashes: dict[str, int] = {}
        refused: list[tuple[int, str]] = []
        for place, typed in enumerate(codes):
            plain = code_plain(typed)
            if plain is None:
                refused.append((place, "code"))
            elif hashes.setdefault(code_hash(plain), place) != place:
                refused.append((place, "taken"))
        for code in _known(list(hashes)):
            refused.append((hashes.pop(code), "taken"))
        room = pool.count - pool.made
        taken = list(hashes)[:room]
        refused += [(hashes[code], "full") for code in list(hashes)[room:]]
        RedeemCode.objects.bulk_create(
            RedeemCode(pool=pool, serial=pool.made + n, code_hash=code)
            for n, code in enumerate(taken, start=1)
        )
        CodePool.objects.filter(pk=pool.pk).update(made=pool.made + len(taken))
    return sorted(refused)


def _known(hashes: list[str]) -> set[str]:
    """Those of them that are there already. An array: thousands of parameters would cost the
    worker a hundred megabytes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT code_hash FROM coupons_redeemcode WHERE code_hash = ANY(%s::text[])", [hashes]
        )
        return {row[0] for row in cursor.fetchall()}


def code_pool_stop(*, pool_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """No code of the pool is redeemed any more. Raises NotFound, Conflict when it was stopped."""
    with transaction.atomic():
        if pool_lock(pool_id=pool_id) is None:
            raise NotFound()
        if not CodePool.objects.filter(pk=pool_id, stopped_at__isnull=True).update(stopped_at=now):
            raise Conflict()
        record([CodePoolStopped(subject_id=pool_id, reason=reason)], actor=actor, now=now)


def code_pool_ask(*, pool_id: int, user: User, now: datetime) -> Batch:
    """Have the pool's codes made, and all of them put into a file that ``user`` fetches; on
    record like any export. Raises NotFound."""
    pool = CodePool.objects.filter(pk=pool_id, kind=PoolKind.UNIQUE, imported=False).first()
    if pool is None:
        raise NotFound()
    with transaction.atomic():
        export_record(
            model="coupons.codepool",
            format="csv",
            count=pool.count,
            filters={"pool": [pool.no]},
            whole_phones=False,
            actor=Actor.user(user),
            now=now,
        )
        return batch_ask(
            kind=KIND,
            source=pool.name,
            subject="coupons.codepool",
            request={"pool": pool.pk},
            total=pool.count,
            user=user,
            now=now,
        )


def code_pool_work(batch: Batch, clock: Clock) -> Outcome:
    """Make what is missing, piece by piece, and then write the file."""
    pool_id = batch.request["pool"]
    while code_pool_make(pool_id=pool_id):
        batch_progress(batch, done=CodePool.objects.get(pk=pool_id).made, now=clock())
    pool = CodePool.objects.get(pk=pool_id)
    with new_file(batch, "csv") as (name, file):
        out = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        rows = csv.writer(out)
        rows.writerow([str(_("serial")), str(_("code"))])
        for serial in range(1, pool.made + 1):
            rows.writerow([serial, code_shown(redeem_code(pool.no, serial))])
            if serial % CHUNK == 0:
                batch_progress(batch, done=pool.made, now=clock())
        out.detach()
    batch_progress(batch, done=pool.made, now=clock())
    return Outcome({"codes": pool.made}, name, clock() + KEPT)


def register() -> None:
    register_batch(KIND, _("codes of coupons"), code_pool_work)
    file_kinds.add(KIND)
