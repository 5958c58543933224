"""The audit lines of messages and identities, and the corruption each catches."""

from datetime import timedelta

import pytest
from allauth.socialaccount.models import SocialAccount

from config.kernel import audit
from members.models import Consent, ExternalId, Message
from members.services.member_identify import member_identify
from members.services.member_wechat import WechatIdentity
from members.services.message_queue import MessageDraft, messages_queue
from members.services.message_transition import message_transition
from members.states import MessageState
from tests.factories import make_member

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]
CODES = {"message.states", "message.consent", "message.withdrawn", "member.identified"}


def caught() -> set[str]:
    return {f.line.code for f in audit.run(CODES) if f.violations}


@pytest.fixture
def sent(now) -> Message:
    member = make_member()
    messages_queue([MessageDraft(member.pk, "order_paid", "k1")], now=now)
    message = Message.objects.get()
    message_transition([message], to_state=MessageState.SENDING, now=now)
    message_transition([message], to_state=MessageState.SENT, now=now, sent_at=now)
    assert caught() == set()
    return message


def test_a_state_without_its_event_is_caught(sent):
    Message.objects.update(state="failed")

    assert caught() == {"message.states"}


def test_a_message_that_nobody_agreed_to_is_caught(sent, now):
    Consent.objects.update(given_at=now + timedelta(minutes=1))

    assert caught() == {"message.consent", "message.withdrawn"}


def test_a_message_after_the_consent_was_withdrawn_is_caught(sent, now):
    Consent.objects.update(withdrawn_at=now)
    Message.objects.update(sent_at=now + timedelta(minutes=3))

    assert caught() == {"message.withdrawn"}


def test_a_login_that_leads_to_the_wrong_user_is_caught(now):
    member_identify(identity=WechatIdentity("wxa", "o1"), now=now)
    assert caught() == set()

    SocialAccount.objects.update(user=make_member().user)

    assert caught() == {"member.identified"}


def test_a_login_without_a_member_is_caught(now):
    member_identify(identity=WechatIdentity("wxa", "o1"), now=now)

    ExternalId.objects.all().delete()

    assert caught() == {"member.identified"}
