"""What clients send that nobody meant: values, bodies, headers, and where in a request they go."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

FEN = 2_147_483_647
# Letters of other scripts that look like ours, digits of full width, marks that nobody sees.
LOOK_ALIKES = ("ОРDЕR", "ＡＢ１２", "١٢٣", "C\u200bP", "\u202eCP", "cp\u0301", "ſt1", "ﬁ", "Ⅷ")
TEXTS = ("", " ", "x", "-1", "0", "1e9", "null", "../..", "%00", "' OR 1=1--", "🧧" * 9, "中")
TEXTS_ODD = (*TEXTS, *LOOK_ALIKES, "\x00", "a\x00b", "\x7f", "\n", "x" * 40_000)
NUMBERS = (-1, 0, 1, 2, FEN, FEN + 1, 2**63, -(2**63), 10**30, 0.5, 1.0, -0.0, 1e300)
SHAPES: tuple[Any, ...] = (None, True, False, [], {}, [None], [[]], {"a": 1}, [{}], ["x", "x"])
DEEP: Any = json.loads("[" * 30 + "]" * 30)

values = st.one_of(
    st.sampled_from(TEXTS_ODD),
    st.sampled_from(NUMBERS),
    st.sampled_from(SHAPES),
    st.just(DEEP),
    st.text(max_size=20).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    st.integers(),
)
# In an address there is text alone, and nothing that ends it.
words = st.one_of(st.sampled_from(TEXTS_ODD[1:]), st.integers().map(str), st.text(min_size=1))
words = words.filter(lambda text: len(text) < 2_000 and text.isprintable() and text not in "..")

RAW_BODIES = (
    b"",
    b"{not json",
    b"null",
    b"[]",
    b'"x"',
    b"1",
    b"\xff\xfe",
    b"9" * 5_000,
    b"[" * 100_000,
    b'{"a":' * 40 + b"1" + b"}" * 40,
    b'{"code": "\\ud800", "reason": "\\udfff"}',
    b'{"amount_fen": 1e999}',
    b'{"lines": NaN}',
    b'{"coupons": ["\\u0000"]}',
)
CONTENT_TYPES = (
    "text/plain",
    "text/xml",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json; charset=utf-16",
    "application/json; charset=none-such",
    "",
)
KEYS = ("", "short", "x" * 65, "中文的钥匙不行的", "key with spaces ok", "key-\x7f0000")


def places(body: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in ``body``: the ways to its fields and items, itself included."""
    yield way
    if isinstance(body, dict):
        for name, value in body.items():
            yield from places(value, (*way, name))
    elif isinstance(body, list):
        for n, value in enumerate(body):
            yield from places(value, (*way, n))


def changed(body: Any, way: tuple[Any, ...], change: Any) -> Any:
    """A copy of ``body`` in which ``change(what stands there)`` stands at ``way``."""
    if not way:
        return change(body)
    first, *rest = way
    copy = dict(body) if isinstance(body, dict) else list(body)
    copy[first] = changed(copy[first], tuple(rest), change)
    return copy


@st.composite
def bodies(draw: st.DrawFn, body: Any, known: list[str]) -> Any:
    """``body`` with one to three things wrong: another value, a field too many or too few, a list
    repeated. ``known`` are the fields of the schema, which ``body`` need not have."""
    for _ in range(draw(st.integers(1, 3))):
        way = draw(st.sampled_from(list(places(body))))
        there = body
        for step in way:
            there = there[step]
        kinds = ["value"]
        if isinstance(there, dict):
            kinds += ["add", "known", "drop"] if there else ["add", "known"]
        if isinstance(there, list) and there:
            kinds += ["repeat", "drop"]
        body = changed(body, way, _change(draw, draw(st.sampled_from(kinds)), there, known))
    return body


def _change(draw: st.DrawFn, kind: str, there: Any, known: list[str]) -> Any:
    if kind == "add":
        return lambda found: {**found, draw(st.sampled_from(TEXTS_ODD)): draw(values)}
    if kind == "known" and known:
        return lambda found: {**found, draw(st.sampled_from(known)): draw(values)}
    if kind == "repeat":
        times = draw(st.sampled_from([2, 99, 1_000]))
        return lambda found: found * times
    if kind == "drop" and isinstance(there, dict):
        gone = draw(st.sampled_from(sorted(there)))
        return lambda found: {name: value for name, value in found.items() if name != gone}
    if kind == "drop":
        return lambda found: found[1:]
    return lambda found: draw(values)
