"""What is still to happen on a simulated day, in the order in which it happens."""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from itertools import count

from config.kernel.clock import SHANGHAI
from guides.simulation.world import World

Action = Callable[[datetime], object]
# Staff make parcels ready and hand them over in these hours.
DESK_OPENS, DESK_CLOSES = time(10, 0), time(21, 30)


@dataclass
class Agenda:
    """Actions by their moment, none after ``until``. ``rng`` is the day's own."""

    world: World
    day: date
    rng: random.Random
    until: datetime
    tally: Counter[str] = field(default_factory=Counter)
    _heap: list[tuple[datetime, int, Action]] = field(default_factory=list)
    _turn: "count[int]" = field(default_factory=count)

    def at(self, moment: datetime, action: Action) -> None:
        if moment <= self.until:
            heapq.heappush(self._heap, (moment, next(self._turn), action))

    def at_the_desk(self, moment: datetime, action: Action) -> None:
        """At ``moment`` if the desk is open then; tomorrow's agenda finds what was left."""
        if moment.astimezone(SHANGHAI).date() == self.day and moment <= self.closing:
            self.at(max(moment, self.opening), action)

    def soon(self, moment: datetime, least: int, most: int) -> datetime:
        """Between ``least`` and ``most`` minutes after ``moment``."""
        return moment + timedelta(seconds=self.rng.randrange(60 * least, 60 * most))

    def in_shop_hours(self) -> datetime:
        """Some moment of the day at which the desk is open."""
        hours = int((self.closing - self.opening).total_seconds())
        return self.opening + timedelta(seconds=self.rng.randrange(hours))

    @property
    def opening(self) -> datetime:
        return datetime.combine(self.day, DESK_OPENS, tzinfo=SHANGHAI)

    @property
    def closing(self) -> datetime:
        return datetime.combine(self.day, DESK_CLOSES, tzinfo=SHANGHAI)

    def run(self, until: datetime) -> None:
        """Everything up to ``until``, what it brings about included."""
        while self._heap and self._heap[0][0] <= until:
            moment, _turn, action = heapq.heappop(self._heap)
            action(moment)
