"""What a till does over HTTP, in the words of the tests."""

from mall.models import PosTicket
from members.models import MemberCode
from members.services.member_code_issue import member_code_issue
from stores.models import Transfer


def shown(member, now):
    return member_code_issue(member_id=member.pk, now=now)


def scan(till, member, now):
    answer = till.command("/api/v1/pos/members", {"code": shown(member, now).token})
    assert answer.status_code == 201, answer.json()
    return answer.json()["visit"]


def pay(till, visit, *, ticket="T-1", total=11_000, key="", **body):
    data = {"ticket_no": ticket, "visit": visit, "total_fen": total, **body}
    return till.command("/api/v1/pos/tickets", data, key=key)


def code_of(answer):
    return answer.json()["errors"][0]["code"]


def refused(answer, status, code):
    assert (answer.status_code, code_of(answer)) == (status, code)


def on(card):
    lot = card.lots.select_related("principal", "bonus").order_by("pk").first()
    return lot.principal.balance, lot.bonus.balance


def untouched(card):
    assert on(card) == (50_000, 5_000)
    assert not PosTicket.objects.exists()
    assert not Transfer.objects.filter(code="card.spend").exists()
    assert not MemberCode.objects.filter(spent_at__isnull=False).exists()


def refund(till, amount, *, no="R-1", ticket="T-1", key="", **body):
    data = {"refund_no": no, "amount_fen": amount, **body}
    return till.command(f"/api/v1/pos/tickets/{ticket}/refunds", data, key=key)


def void(till, ticket="T-1", **body):
    return till.command(f"/api/v1/pos/tickets/{ticket}/void", body)
