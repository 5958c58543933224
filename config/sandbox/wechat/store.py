"""State of the fake in one SQLite file, so that a killed process forgets nothing it said.

One connection behind one lock: the fake favours being obviously right over being fast.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS wechat_user (
    name TEXT PRIMARY KEY, unionid TEXT NOT NULL UNIQUE, phone TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS openid (
    openid TEXT PRIMARY KEY, appid TEXT NOT NULL, user TEXT NOT NULL REFERENCES wechat_user,
    UNIQUE (appid, user));
CREATE TABLE IF NOT EXISTS code (
    code TEXT PRIMARY KEY, kind TEXT NOT NULL, appid TEXT NOT NULL, user TEXT NOT NULL,
    expires_at REAL NOT NULL, used INTEGER NOT NULL DEFAULT 0, detail TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS token (
    token TEXT PRIMARY KEY, appid TEXT NOT NULL, expires_at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS credit (
    openid TEXT NOT NULL, template_id TEXT NOT NULL, n INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (openid, template_id));
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY, appid TEXT, openid TEXT, template_id TEXT, page TEXT,
    data TEXT, sent_at REAL);
CREATE TABLE IF NOT EXISTS wxacode (
    id INTEGER PRIMARY KEY, appid TEXT, scene TEXT, page TEXT, png BLOB, made_at REAL);
CREATE TABLE IF NOT EXISTS shipping (
    mchid TEXT, out_trade_no TEXT, times INTEGER NOT NULL, body TEXT, uploaded_at REAL,
    PRIMARY KEY (mchid, out_trade_no));
CREATE TABLE IF NOT EXISTS trade (
    mchid TEXT NOT NULL, out_trade_no TEXT NOT NULL, appid TEXT NOT NULL, kind TEXT NOT NULL,
    description TEXT NOT NULL, attach TEXT NOT NULL, total INTEGER NOT NULL CHECK (total > 0),
    openid TEXT, notify_url TEXT, prepay_id TEXT, state TEXT NOT NULL, transaction_id TEXT UNIQUE,
    request TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL, paid_at REAL,
    PRIMARY KEY (mchid, out_trade_no));
CREATE INDEX IF NOT EXISTS trade_prepay ON trade (prepay_id);
CREATE TABLE IF NOT EXISTS refund (
    mchid TEXT NOT NULL, out_refund_no TEXT NOT NULL, out_trade_no TEXT NOT NULL,
    refund_id TEXT NOT NULL UNIQUE, amount INTEGER NOT NULL CHECK (amount > 0),
    reason TEXT NOT NULL, notify_url TEXT, status TEXT NOT NULL, request TEXT NOT NULL,
    created_at REAL NOT NULL, settle_at REAL NOT NULL, success_at REAL,
    PRIMARY KEY (mchid, out_refund_no));
CREATE INDEX IF NOT EXISTS refund_trade ON refund (mchid, out_trade_no);
CREATE TABLE IF NOT EXISTS callback (
    id TEXT PRIMARY KEY, mchid TEXT NOT NULL, url TEXT NOT NULL, event_type TEXT NOT NULL,
    reference TEXT NOT NULL, resource TEXT NOT NULL, created_at REAL NOT NULL,
    state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0, next_at REAL NOT NULL);
CREATE INDEX IF NOT EXISTS callback_due ON callback (state, next_at);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, callback TEXT NOT NULL, kind TEXT NOT NULL, at REAL NOT NULL,
    status INTEGER NOT NULL, answer TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS bill (token TEXT PRIMARY KEY, content BLOB NOT NULL);
"""


class Store:
    """``with store.transaction() as db`` for writes, :meth:`rows` and :meth:`row` for reads."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        # WAL with NORMAL survives the death of the process, which is what the fake promises.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """One transaction, or part of the one that this thread has open."""
        with self._lock:
            if self._db.in_transaction:
                yield self._db
                return
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def rows(self, sql: str, *parameters: Any) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(row) for row in self._db.execute(sql, parameters)]

    def row(self, sql: str, *parameters: Any) -> dict[str, Any] | None:
        rows = self.rows(sql, *parameters)
        return rows[0] if rows else None

    def one(self, sql: str, *parameters: Any) -> dict[str, Any]:
        """The one row that must be there; raises LookupError when it is not."""
        row = self.row(sql, *parameters)
        if row is None:
            raise LookupError(sql)
        return row

    def setting(self, name: str, default: Any = None) -> Any:
        row = self.row("SELECT value FROM setting WHERE name = ?", name)
        return json.loads(row["value"]) if row else default

    def setting_put(self, name: str, value: Any) -> None:
        with self.transaction() as db:
            db.execute("INSERT OR REPLACE INTO setting VALUES (?, ?)", (name, json.dumps(value)))

    def clear(self) -> None:
        """Forget everything but the schema."""
        with self.transaction() as db:
            names = [
                row["name"]
                for row in db.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' "
                    "AND name NOT LIKE 'sqlite%' ORDER BY name = 'wechat_user'"
                )
            ]
            for name in names:
                db.execute(f"DELETE FROM {name}")
