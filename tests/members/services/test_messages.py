"""Queue and send, against the fake WeChat with its subscribe credits."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from members.models import ExternalId, Message
from members.services.consent_withdraw import consent_withdraw
from members.services.message_queue import MessageDraft, messages_queue
from members.services.message_send import MAX_ATTEMPTS, messages_send
from members.tasks import messages_send as messages_send_task
from tests.factories import make_external_id, make_member
from tests.shoppers import APP, SECOND_APP

pytestmark = pytest.mark.django_db
DATA = {"character_string1": "SO123", "amount2": "12.50"}


@pytest.fixture
def member(shopper):
    return make_member(openid=shopper["openids"][APP])


def draft(member, key="order:1", template="order_paid", data=DATA) -> MessageDraft:
    return MessageDraft(member.pk, template, key, reference="SO123", data=data)


def history(message: Message) -> list[tuple[str, str]]:
    rows = Event.objects.filter(subject_type="message", subject_id=message.pk).order_by("id")
    return list(rows.values_list("from_state", "to_state"))


def test_a_message_is_queued_once(member, now):
    assert messages_queue([draft(member)], now=now) == 1
    assert messages_queue([draft(member), draft(member, key="order:2")], now=now) == 1

    assert Message.objects.count() == 2
    message = Message.objects.get(key="order:1")
    assert (message.state, message.data, message.reference) == ("pending", DATA, "SO123")
    assert history(message) == [("", "pending")]


def test_who_has_not_agreed_gets_no_row(wechat, now):
    stranger = make_member(messages=False)

    assert messages_queue([draft(stranger)], now=now) == 0

    assert Message.objects.count() == 0
    assert Event.objects.count() == 0


def test_a_message_is_sent(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    messages_queue([draft(member)], now=now)

    assert messages_send(now=now) == 1

    message = Message.objects.get()
    assert (message.state, message.sent_at, message.attempts) == ("sent", now, 1)
    assert history(message) == [("", "pending"), ("pending", "sending"), ("sending", "sent")]
    (sent,) = wechat.get("messages")
    assert sent["data"] == {name: {"value": text} for name, text in DATA.items()}
    assert messages_send(now=now) == 0


def test_one_accepted_prompt_buys_one_send(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    messages_queue([draft(member), draft(member, key="order:2")], now=now)

    messages_send(now=now)

    assert sorted(Message.objects.values_list("state", flat=True)) == ["refused", "sent"]
    assert len(wechat.get("messages")) == 1
    assert messages_send(now=now + timedelta(days=1)) == 0


def test_the_credit_of_another_mini_program_is_used(wechat, shopper, member, now):
    second = shopper["openids"][SECOND_APP]
    make_external_id(member=member, value=second, app_id=SECOND_APP)
    wechat.post("subscribe", user="xiaoming", template="order_paid", appid=APP)
    messages_queue([draft(member)], now=now)

    messages_send(now=now)

    assert Message.objects.get().state == "sent"
    assert [m["appid"] for m in wechat.get("messages")] == [APP]


def test_content_that_wechat_refuses_fails_for_good(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    messages_queue([draft(member, data={"amount2": "not an amount"})], now=now)

    messages_send(now=now)

    message = Message.objects.get()
    assert (message.state, message.last_error) == ("failed", "wechat_message_invalid 47003")
    assert messages_send(now=now + timedelta(days=1)) == 0


def test_a_template_that_is_not_configured_fails(wechat, member, now):
    messages_queue([draft(member, template="no_such")], now=now)

    messages_send(now=now)

    assert Message.objects.get().state == "failed"


def test_a_member_without_a_mini_program_cannot_be_told(wechat, member, now):
    ExternalId.objects.all().delete()
    messages_queue([draft(member)], now=now)

    messages_send(now=now)

    assert Message.objects.get().last_error == "the member has no mini-program"


def test_a_busy_wechat_is_tried_again_later_and_later(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    wechat.post("behaviour", error={"errcode": 45009}, path="/cgi-bin/message", times=2)
    messages_queue([draft(member)], now=now)

    messages_send(now=now)
    message = Message.objects.get()
    assert (message.state, message.next_attempt_at) == ("pending", now + timedelta(seconds=30))
    assert messages_send(now=now + timedelta(seconds=29)) == 0
    later = now + timedelta(seconds=30)
    messages_send(now=later)
    message.refresh_from_db()
    assert (message.state, message.next_attempt_at) == ("pending", later + timedelta(seconds=60))
    messages_send(now=later + timedelta(seconds=60))

    message.refresh_from_db()
    assert (message.state, message.attempts, message.last_error) == ("sent", 3, "")


def test_it_is_given_up_in_the_end(wechat, member, now):
    wechat.post("behaviour", error={"errcode": -1}, path="/cgi-bin/message")
    messages_queue([draft(member)], now=now)

    for day in range(MAX_ATTEMPTS):
        messages_send(now=now + timedelta(days=day))

    message = Message.objects.get()
    assert (message.state, message.attempts) == ("failed", MAX_ATTEMPTS)
    assert messages_send(now=now + timedelta(days=99)) == 0


def test_who_withdraws_consent_is_not_messaged(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    messages_queue([draft(member)], now=now)
    consent_withdraw(member_id=member.pk, kind="messages", actor=SYSTEM, now=now)

    messages_send(now=now)

    assert Message.objects.get().state == "refused"
    assert wechat.get("messages") == []


def test_a_process_that_died_while_sending_loses_nothing(wechat, member, now, monkeypatch):
    wechat.post("subscribe", user="xiaoming", template="order_paid")
    messages_queue([draft(member)], now=now)

    def die(**kwargs):
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("members.services.message_send.api.subscribe_send", die)
        with pytest.raises(SystemExit):
            messages_send(now=now)
    assert Message.objects.get().state == "sending"
    assert messages_send(now=now + timedelta(seconds=119)) == 0

    assert messages_send(now=now + timedelta(seconds=120)) == 1

    assert Message.objects.get().state == "sent"
    assert len(wechat.get("messages")) == 1


def test_the_task_sends_everything_that_waits(wechat, member, now):
    wechat.post("subscribe", user="xiaoming", template="order_paid", n=25)
    messages_queue([draft(member, key=f"order:{n}") for n in range(25)], now=now)

    messages_send_task()

    assert set(Message.objects.values_list("state", flat=True)) == {"sent"}
    assert len(wechat.get("messages")) == 25
