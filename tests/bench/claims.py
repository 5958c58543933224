"""Claims on one template, beside the plain multi-statement claim on another: the rates
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
from tests.bench.measure import Call

if TYPE_CHECKING:
    from tests.bench.bench import Bench, Case
    from tests.bench.seed import Shopper

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
    """``claim``: what is kept ready is taken by everybody at once, never more than the quota.
    ``claim_judged``: the same of a template whose claims are judged, by five rules."""
    n, world = bench.n, bench.world
    hot, judged = world.claimable, _judged(world.claimable)
    # Exactly what will be asked for is kept ready: the last claims find the last rows.
    for template in (hot, judged):
        Template.objects.filter(pk=template.pk).update(
            quota=ROUNDS * n, slots_ready=ROUNDS * n, per_member=ROUNDS
        )
        with transaction.atomic():
            slots_fill(template_id=template.pk)
    kept: dict[str, list[Case]] = {"floor_claim": [], "claim": [], "claim_judged": []}
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
        kept["floor_claim"].append(bench.case("floor_claim", plain))
        for name, template in (("claim", hot), ("claim_judged", judged)):
            calls = [_claim(template, shopper, turn) for shopper in shoppers]
            kept[name].append(bench.case(name, calls))
    _ensure_within(hot)
    _ensure_within(judged)
    for name, found in kept.items():
        best = min(found, key=lambda case: case.cpu_ms)
        rates = [case.load.rps for case in found]
        best.load = replace(best.load, rps=statistics.median(rates))
        bench.cases[name] = best
    bench.claim_to_plain = [
        ours.load.rps / plain.load.rps
        for ours, plain in zip(kept["claim"], kept["floor_claim"], strict=True)
    ]


def _claim(template: Template, shopper: "Shopper", turn: int) -> Call:
    headers = (
        ("X-Session-Token", shopper.token),
        ("X-Device-Id", f"device-{shopper.member_id}"),
        ("Idempotency-Key", f"claim-{turn}-{template.pk}-{shopper.member_id:09d}"),
    )
    return Call("POST", f"/api/v1/coupon-templates/{template.code}/claim", b"{}", headers, 201)


def _judged(like: Template) -> Template:
    """Another template, whose claims the policy of the bench's operator lets pass."""
    judged = Template.objects.get(pk=like.pk)
    judged.pk, judged.code, judged.judge_claims = None, "bench-judged", True
    judged.save(force_insert=True)
    return judged


def _ensure_within(template: Template) -> None:
    template.refresh_from_db()
    coupons = Coupon.objects.filter(template=template).count()
    if coupons + template.slots.count() != template.issued or template.issued > template.quota:
        raise SystemExit(f"bench: {coupons} coupons of a quota of {template.quota} were claimed")
