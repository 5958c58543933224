"""A rush of claims on one template, beside the plain multi-statement claim on another: the rates
of both, in turn, because what else the machine does slows either down.

The plain claim is what a shop writes without further thought: read the template, count what the
member has, count it up, insert, tell. No login, no validation, no idempotency; but everybody
waits for the template's row from the third statement to the commit.
"""

import json
import statistics
from dataclasses import replace
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.kernel.numbers import new_no
from coupons.guards import slots_fill
from coupons.models import Coupon, Template
from tests.bench.measure import Call, cpu_seconds, load, statements

if TYPE_CHECKING:
    from tests.bench.bench import Bench, Case

ROUNDS = 3
_PLAIN = (
    """SELECT id, quota, per_member FROM coupons_template WHERE code = %(code)s::text
         AND claim_from <= %(now)s::timestamptz AND claim_until > %(now)s::timestamptz""",
    """SELECT count(*) FROM coupons_coupon c JOIN coupons_template t ON t.id = c.template_id
       WHERE t.code = %(code)s::text AND c.member_id = %(member)s::bigint""",
    """UPDATE coupons_template SET issued = issued + 1
       WHERE code = %(code)s::text AND issued < quota""",
    """INSERT INTO coupons_coupon (no, template_id, member_id, nth, state, valid_from, valid_until,
         claimed_at, source, source_token, given_key, locked_by, locked_fen)
       SELECT %(no)s::text, id, %(member)s::bigint, %(nth)s::int, 'claimed',
         %(now)s::timestamptz, %(now)s::timestamptz + interval '30 days', %(now)s::timestamptz,
         'claim', '', '', '', 0
       FROM coupons_template WHERE code = %(code)s::text""",
    """INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state, reason,
         actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)
       SELECT 'floor.claimed', 'floor', id, '', 'claimed', '', 'member', '', '{}',
         %(now)s::timestamptz, %(now)s::timestamptz, 0, ''
       FROM coupons_coupon WHERE no = %(no)s::text""",
)


@csrf_exempt
def claim(request: HttpRequest) -> JsonResponse:
    """Five raw statements in one transaction."""
    values = {**json.loads(request.body), "no": new_no("C"), "now": timezone.now(), "nth": 1}
    with transaction.atomic(), connection.cursor() as cursor:
        for place, sql in enumerate(_PLAIN):
            cursor.execute(sql, values)
            if place == 1:
                values["nth"] = cursor.fetchone()[0] + 1
    return JsonResponse({"no": values["no"]}, status=201)


def claims(bench: "Bench") -> None:
    """``claim``: what is kept ready is taken by everybody at once, never more than the quota."""
    n, world = bench.n, bench.world
    hot = world.claimable
    # Exactly what will be asked for is kept ready: the last claims find the last rows.
    Template.objects.filter(pk=hot.pk).update(
        quota=ROUNDS * n, slots_ready=ROUNDS * n, per_member=ROUNDS
    )
    with transaction.atomic():
        slots_fill(template_id=hot.pk)
    kept: dict[str, list[Case]] = {"floor_claim": [], "claim": []}
    for turn in range(ROUNDS):
        shoppers = world.shoppers[:n]
        plain = [
            Call(
                "POST",
                "/floor/claim",
                json.dumps({"code": world.template.code, "member": s.member_id}).encode(),
                (),
                201,
            )
            for s in shoppers
        ]
        ours = [
            Call(
                "POST",
                f"/api/v1/coupon-templates/{hot.code}/claim",
                b"{}",
                (
                    ("X-Session-Token", s.token),
                    ("Idempotency-Key", f"claim-{turn}-{s.member_id:09d}"),
                ),
                201,
            )
            for s in shoppers
        ]
        kept["floor_claim"].append(bench.case("floor_claim", plain))
        kept["claim"].append(bench.case("claim", ours))
    _ensure_within(hot)
    _rush(bench)
    for name, found in kept.items():
        best = min(found, key=lambda case: case.cpu_ms)
        rates = [case.load.rps for case in found]
        best.load = replace(best.load, rps=statistics.median(rates))
        bench.cases[name] = best
    bench.claim_to_plain = [
        ours.load.rps / plain.load.rps
        for ours, plain in zip(kept["claim"], kept["floor_claim"], strict=True)
    ]


def _rush(bench: "Bench") -> None:
    """``claim_rush``: ten times as many members as there are coupons, one each. Whoever comes too
    late is told so; one left over or given twice would end the bench."""
    quota = max(1, bench.n // 10)
    hot = bench.world.rushed
    Template.objects.filter(pk=hot.pk).update(quota=quota, slots_ready=quota, per_member=1)
    with transaction.atomic():
        slots_fill(template_id=hot.pk)
    calls = [
        Call(
            "POST",
            f"/api/v1/coupon-templates/{hot.code}/claim",
            b"{}",
            (("X-Session-Token", s.token), ("Idempotency-Key", f"rush-{s.member_id:09d}")),
            201,
            (409,),
        )
        for s in bench.world.shoppers[: bench.n]
    ]
    # No warming up, which would take what there is: claims have just been measured.
    sql = statements(bench.url, calls[0])
    web, pg = cpu_seconds(bench.server), cpu_seconds(bench.postgres)
    measured = load(bench.url, calls[1:], clients=bench.clients)
    if measured.wrong:
        raise SystemExit(f"bench: claim_rush: {measured.sample}")
    each = 1000 / (len(calls) - 1)
    bench.add(
        "claim_rush",
        measured,
        web_cpu_ms=(cpu_seconds(bench.server) - web) * each,
        pg_cpu_ms=(cpu_seconds(bench.postgres) - pg) * each,
        sql=sql,
    )
    _ensure_within(hot)
    if Coupon.objects.filter(template=hot).count() != quota:
        raise SystemExit(f"bench: the rush did not take all of {quota} coupons")


def _ensure_within(template: Template) -> None:
    template.refresh_from_db()
    coupons = Coupon.objects.filter(template=template).count()
    if coupons + template.slots.count() != template.issued or template.issued > template.quota:
        raise SystemExit(f"bench: {coupons} coupons of a quota of {template.quota} were claimed")
