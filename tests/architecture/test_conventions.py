"""The project keeps its conventions, and each rule sees a planted breach."""

import textwrap

import pytest

from tests.architecture import conventions

PLANTED = [
    (
        "state-in-transition",
        "mall/services/order_pay.py",
        "def order_pay(*, order, now):\n    order.state = 'paid'\n",
    ),
    (
        "state-in-transition",
        "mall/services/order_pay.py",
        "def order_pay(*, pk, now):\n    Order.objects.filter(pk=pk).update(state='paid')\n",
    ),
    (
        "state-in-transition",
        "mall/services/order_pay.py",
        "def order_pay(*, order, now):\n    setattr(order, 'state', 'paid')\n",
    ),
    (
        "state-in-transition",
        "mall/services/order_pay.py",
        "def order_pay(*, order, now):\n    compare_and_set(order, ORDER_MACHINE, 'paid')\n",
    ),
    (
        "state-in-transition",
        "mall/selectors.py",
        "SQL = 'UPDATE mall_order SET paid_at = now(), state = %s'\n",
    ),
    ("row-locks", "mall/services/order_pay.py", "Order.objects.select_for_update().get()\n"),
    ("raw-locks", "mall/selectors.py", "SQL = 'SELECT id FROM mall_order FOR UPDATE'\n"),
    ("raw-locks", "mall/selectors.py", "SQL = f'SELECT id FROM {table} FOR NO KEY UPDATE'\n"),
    ("faces-do-not-write", "mall/api/orders.py", "Order.objects.create(no='1')\n"),
    ("faces-do-not-write", "mall/web/desk.py", "def view(order):\n    order.save()\n"),
    ("faces-do-not-write", "mall/admin/order.py", "orders.filter(pk=1).update(note='')\n"),
    ("faces-do-not-write", "mall/api/orders.py", "cursor = connection.cursor()\n"),
    ("no-float", "mall/models/order.py", "total = models.FloatField()\n"),
    ("no-float", "mall/pricing/kinds.py", "half = total_fen / 2\n"),
    ("no-float", "mall/pricing/kinds.py", "price = float(text)\n"),
    ("no-float", "mall/pricing/kinds.py", "price = round(price_fen)\n"),
    ("no-float", "mall/pricing/kinds.py", "price = price_fen * 0.8\n"),
    ("no-float", "mall/pricing/kinds.py", "def f(total_fen):\n    total_fen /= 2\n"),
    ("one-division", "mall/pricing/kinds.py", "part = total_fen * 3 // 7\n"),
    ("clock-at-the-edge", "mall/services/order_pay.py", "moment = clock.now()\n"),
    ("clock-at-the-edge", "mall/handlers.py", "moment = timezone.now()\n"),
    (
        "services-by-keyword",
        "mall/services/order_pay.py",
        "def order_pay(order, amount_fen, *, now):\n    pass\n",
    ),
    (
        "services-by-keyword",
        "mall/services/order_pay.py",
        "def order_pay(*, order, actor):\n    pass\n",
    ),
    ("kernel-only", "mall/services/order_pay.py", "from config.settings import base\n"),
    ("kernel-only", "config/kernel/clock.py", "import config.celery\n"),
    ("kernel-only", "mall/tasks.py", "from config import celery\n"),
    ("every-test-runs", "tests/mall/test_cart.py", "@pytest.mark.skip\ndef test_a(): ...\n"),
    ("every-test-runs", "tests/mall/test_cart.py", "def test_a():\n    pytest.skip('later')\n"),
    ("translatable", "mall/services/order_pay.py", "message = _(f'{n} too many')\n"),
    ("file-length", "mall/services/order_pay.py", "x = 1\n" * conventions.MAX_LINES),
]


def codes(path: str, text: str) -> set[str]:
    return {rule.code for _line, rule, _what in conventions.check(path, textwrap.dedent(text))}


@pytest.mark.parametrize(("code", "path", "text"), PLANTED)
def test_a_planted_breach_is_seen(code, path, text):
    assert codes(path, text) == {code}


def test_every_rule_has_a_planted_breach():
    assert {code for code, _path, _text in PLANTED} == {rule.code for rule in conventions.RULES}


@pytest.mark.parametrize(
    ("path", "text"),
    [
        # The transition itself, a guard's SQL, the first state of a new row.
        (
            "mall/services/order_state.py",
            "def order_transition(*, order, now):\n    compare_and_set(order, M, 'paid')\n",
        ),
        ("mall/guards.py", "SQL = 'UPDATE mall_reservation SET state = 1 WHERE true'\n"),
        ("mall/services/order_place.py", "Order.objects.create(state='placed')\n"),
        ("mall/selectors.py", "Order.objects.filter(state='paid')\n"),
        # Locks where they belong, and the words in prose.
        ("mall/locks.py", "Order.objects.select_for_update()\n"),
        ("stores/ledger/posting.py", "SQL = 'SELECT 1 FROM stores_account FOR UPDATE'\n"),
        ("mall/selectors.py", "'''Never FOR UPDATE here.'''\n"),
        # A face may use the cache, its session, a dict, and a form it does not save.
        ("mall/web/desk.py", "cache.delete('k')\ncontext.update({'a': 1})\nform.is_valid()\n"),
        ("mall/services/order_place.py", "Order.objects.create(no='1')\n"),
        # Paths are joined by a slash, and a distance is no money.
        ("mall/demo/load.py", "file = folder / 'a.csv'\nother = base_dir / name\n"),
        ("stores/selectors.py", "km = metres / 1000  # not money: a distance\n"),
        ("config/kernel/money.py", "part = amount_fen * 3 // 7\n"),
        ("mall/api/orders.py", "moment = clock.now()\n"),
        ("mall/api/orders.py", "from config.kernel import clock\nfrom config import kernel\n"),
        ("config/urls.py", "from config.health import healthz\n"),
        ("mall/services/order_pay.py", "def order_pay(*, order, actor, now):\n    pass\n"),
        ("members/services/points_settle.py", "def points_settle(targets, *, now):\n    pass\n"),
    ],
)
def test_what_is_allowed_passes(path, text):
    assert codes(path, text) == set()


def test_the_project_keeps_its_conventions():
    assert conventions.breaches() == []
