"""Events and their relay: nothing lost, nothing applied twice, a bad event delays only itself."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction

from config.kernel import audit, codes, events, locks, tasks
from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Code, Event, EventDelivery
from config.kernel.relay import drain, relay_once
from tests.kernel.conftest import Rang

pytestmark = pytest.mark.django_db


def recorded(given, **kwargs) -> Event:
    (pk,) = events.record(given, **kwargs)
    return Event.objects.get(pk=pk)


def test_an_event_keeps_who_what_and_when(listen, now):
    listen("kernel.a")
    rang = Rang(subject_id=7, from_state="still", to_state="loud", reason="x" * 300, times=3)

    event = recorded([rang], actor=Actor("user", "5"), now=now)

    event.refresh_from_db()
    assert (event.kind, event.subject_type, event.subject_id) == ("kernel.test_rang", "bell", 7)
    assert (event.from_state, event.to_state, event.reason) == ("still", "loud", "x" * 200)
    assert (event.actor_kind, event.actor_id, event.occurred_at) == ("user", "5", now)
    assert event.payload == {"times": 3}
    assert event.relayed_at is None
    drain(now=now)


def test_what_nobody_listens_to_never_waits(listen, now):
    event = recorded([Rang(subject_id=1)], actor=SYSTEM, now=now)

    assert event.relayed_at == now
    assert relay_once(now=now) == 0


def test_every_consumer_gets_its_share_as_one_list_once(listen, now):
    first, second = listen("kernel.a"), listen("kernel.b")
    events.record([Rang(subject_id=n) for n in (1, 2, 3)], actor=SYSTEM, now=now)

    assert drain(now=now) == 3
    assert drain(now=now) == 0

    assert first.heard == second.heard == [[1, 2, 3]]
    assert EventDelivery.objects.count() == 6
    assert set(Event.objects.values_list("relayed_at", flat=True)) == {now}


def test_an_event_that_is_relayed_again_is_not_applied_again(listen, now):
    listener = listen("kernel.a")
    events.record([Rang(subject_id=1)], actor=SYSTEM, now=now)
    drain(now=now)

    # As if the relay had died after the consumer's commit and before it could mark the event.
    Event.objects.update(relayed_at=None)
    assert drain(now=now) == 1

    assert listener.heard == [[1]]
    assert Event.objects.get().relayed_at == now


def test_a_bad_event_delays_only_itself_and_leaves_nothing_behind(listen, now):
    listener = listen("kernel.a")

    def fail_on_two(given, moment):
        for event in given:
            codes.code_issue(purpose="heard", owner_type="bell", owner_id=event.subject_id, now=now)
        if any(event.subject_id == 2 for event in given):
            raise RuntimeError("the clapper is off")

    listener.react = fail_on_two
    events.record([Rang(subject_id=n) for n in (1, 2, 3)], actor=SYSTEM, now=now)

    assert relay_once(now=now) == 3

    assert sorted(Code.objects.values_list("owner_id", flat=True)) == [1, 3]
    bad = Event.objects.get(subject_id=2)
    assert (bad.relayed_at, bad.attempts) == (None, 1)
    assert bad.next_attempt_at == now + timedelta(seconds=1)
    assert bad.last_error == "kernel.a: RuntimeError: the clapper is off"
    assert not EventDelivery.objects.filter(event=bad).exists()

    # It is not tried again before its pause is over, then it is, and succeeds.
    listener.react = None
    assert relay_once(now=now) == 0
    later = now + timedelta(seconds=1)
    assert relay_once(now=later) == 1
    bad.refresh_from_db()
    assert (bad.relayed_at, bad.last_error) == (later, "")


def test_pauses_grow_to_an_hour(listen, now):
    listener = listen("kernel.a")

    def fail(given, moment):
        raise RuntimeError("still broken")

    listener.react = fail
    events.record([Rang(subject_id=1)], actor=SYSTEM, now=now)
    pauses = []
    moment = now
    for _attempt in range(14):
        relay_once(now=moment)
        due = Event.objects.get().next_attempt_at
        assert due is not None
        pauses.append(int((due - moment).total_seconds()))
        moment = due

    assert pauses[:5] == [1, 2, 4, 8, 16]
    assert pauses[-2:] == [3600, 3600]
    listener.react = None
    drain(now=moment)


@pytest.mark.parametrize("names", [("kernel.a", "kernel.b"), ("kernel.b", "kernel.a")])
def test_the_failure_of_one_consumer_is_not_the_others(listen, now, names):
    # given the failing one after the other, or before it
    first, second = listen("kernel.a"), listen("kernel.b")
    good, bad = (first, second) if names[0] == "kernel.a" else (second, first)

    def fail(given, moment):
        raise RuntimeError("not today")

    bad.react = fail
    events.record([Rang(subject_id=1)], actor=SYSTEM, now=now)

    relay_once(now=now)
    assert good.heard == [[1]]
    bad.react = None
    relay_once(now=now + timedelta(minutes=1))

    assert good.heard == [[1]]
    assert bad.heard == [[1], [1]]
    assert EventDelivery.objects.count() == 2


def test_reactions_to_reactions_are_drained_too(listen, now):
    listener = listen("kernel.a")

    def ring_until_three(given, moment):
        last = max(event.subject_id for event in given)
        if last < 3:
            events.record([Rang(subject_id=last + 1)], actor=SYSTEM, now=moment)

    listener.react = ring_until_three
    events.record([Rang(subject_id=1)], actor=SYSTEM, now=now)

    assert drain(now=now) == 3
    assert listener.heard == [[1], [2], [3]]


def test_consumers_that_feed_each_other_are_found_out(listen, now):
    listener = listen("kernel.a")
    listener.react = lambda given, moment: events.record(
        [Rang(subject_id=1)], actor=SYSTEM, now=moment
    )
    events.record([Rang(subject_id=1)], actor=SYSTEM, now=now)

    with pytest.raises(RuntimeError, match="does not come to rest"):
        drain(now=now, rounds=5)


@pytest.mark.django_db(transaction=True)
def test_two_relays_share_the_queue(listen, now):
    listener = listen("kernel.a")
    events.record([Rang(subject_id=n) for n in (1, 2)], actor=SYSTEM, now=now)
    claimed, release = threading.Event(), threading.Event()

    def other_relay():
        with transaction.atomic():
            locks.events_claim(now=now, limit=1)
            claimed.set()
            release.wait(5)
        connection.close()

    thread = threading.Thread(target=other_relay)
    thread.start()
    assert claimed.wait(5)
    assert relay_once(now=now) == 1
    assert listener.heard == [[2]]
    release.set()
    thread.join()

    assert drain(now=now) == 1
    assert listener.heard == [[2], [1]]


@pytest.mark.corrupts
def test_the_audit_sees_a_stuck_event(listen, now):
    listen("kernel.a")
    event = recorded([Rang(subject_id=1)], actor=SYSTEM, now=now - timedelta(hours=2))

    (finding,) = audit.run({"events.stuck"})

    assert [row["id"] for row in finding.sample] == [event.pk]


@pytest.mark.corrupts
def test_the_audit_sees_an_event_applied_twice(listen, now):
    listen("kernel.a")
    event = recorded([Rang(subject_id=1)], actor=SYSTEM, now=now)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE kernel_eventdelivery DROP CONSTRAINT kernel_eventdelivery_once")
    for _twice in range(2):
        EventDelivery.objects.create(event=event, consumer="kernel.a", delivered_at=now)

    (finding,) = audit.run({"events.applied_once"})

    assert finding.sample == [{"event_id": event.pk, "consumer": "kernel.a", "count": 2}]


def test_a_rush_asks_for_the_relay_once_in_a_while(
    db, monkeypatch, django_capture_on_commit_callbacks
):
    # given a clock in our hand, and a broker that counts
    seconds = iter([100.0, 100.1, 100.4, 100.6, 101.7])
    asked = []
    monkeypatch.setattr(tasks, "_asked_at", -1.0)
    monkeypatch.setattr(tasks, "monotonic", lambda: next(seconds))
    monkeypatch.setattr(tasks.cache, "add", lambda *key, **options: asked.append("add") or True)
    monkeypatch.setattr(tasks.relay, "apply_async", lambda **options: asked.append("relay"))

    with django_capture_on_commit_callbacks(execute=True):
        for _order in range(5):
            tasks.nudge()

    assert asked == ["add", "relay"] * 3


def test_what_echoes_an_event_is_written_once_however_many_there_are(monkeypatch, now):
    """An import changes thousands of rows; what follows from it is one thing."""

    def echoed(event: Rang) -> Rang | None:
        return Rang(subject_id=100 + event.subject_id) if event.times else None

    monkeypatch.setitem(events._echoes, Rang.kind, echoed)
    silent = Rang(subject_id=1, times=0)

    pks = events.record([silent, *(Rang(subject_id=n) for n in (2, 3, 4))], actor=SYSTEM, now=now)

    asked = Event.objects.filter(pk__in=pks).order_by("pk")
    assert list(asked.values_list("subject_id", flat=True)) == [1, 2, 3, 4]
    assert list(Event.objects.exclude(pk__in=pks).values_list("subject_id", flat=True)) == [102]
    events.record([silent], actor=SYSTEM, now=now)
    assert Event.objects.filter(subject_id__gt=100).count() == 1
