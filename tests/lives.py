"""What the model tests have in common: random lives, each in a transaction that is rolled back."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.db import transaction
from hypothesis.stateful import RuleBasedStateMachine

from config.kernel import audit
from config.kernel.errors import DomainError


class ModelledLife(RuleBasedStateMachine):
    """A machine says when its life begins (``now``), how it ends and what the audit looks at."""

    now: datetime

    def __init__(self) -> None:
        super().__init__()
        self.life = transaction.atomic()
        self.life.__enter__()
        self.n = 0

    def at_the_end(self) -> set[str]:
        """What is compared with the model once more; the codes of the lines that stay silent."""
        raise NotImplementedError

    def teardown(self) -> None:
        try:
            lines = self.at_the_end()
            assert [(f.line.code, f.sample) for f in audit.run(lines) if f.violations] == []
        finally:
            transaction.set_rollback(True)
            self.life.__exit__(None, None, None)

    def act(self, refusal: type[DomainError] | None, call: Callable[[], Any]) -> Any:
        """The answer of ``call``; None when it refused, as it should."""
        answer, refused = None, None
        try:
            with transaction.atomic():
                answer = call()
        except DomainError as error:
            refused = error
        assert (refused and type(refused)) is refusal, refused
        return answer

    def word(self, prefix: str) -> str:
        """Another word than before."""
        self.n += 1
        return f"{prefix}{self.n}"
