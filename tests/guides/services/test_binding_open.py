"""One guide per member, also when two first touches come at once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from guides.models import Binding
from guides.services.binding_open import binding_open
from tests.factories import make_guide, make_member, make_store


@pytest.mark.django_db(transaction=True)
def test_first_touches_of_two_guides_at_once_bind_one(now):
    store = make_store()
    guides = [make_guide(store=store) for _each in range(4)]
    member = make_member()
    start = Barrier(len(guides))

    def bind(guide):
        try:
            start.wait(timeout=10)
            return binding_open(
                guide=guide,
                member_id=member.pk,
                member_user_id=member.user_id,
                source="touch",
                actor=SYSTEM,
                now=now,
            )
        finally:
            connection.close()

    with ThreadPoolExecutor(len(guides)) as pool:
        opened = [row for row in pool.map(bind, guides) if row is not None]

    assert [row.pk for row in opened] == [Binding.objects.get().pk]
    assert Event.objects.filter(kind="guides.binding_opened").count() == 1
