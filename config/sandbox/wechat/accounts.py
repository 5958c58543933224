"""The accounts that exist at the fake WeChat: mini-programs, merchants, templates and their keys.

``wechat.json`` holds what a merchant knows (it is what ``WECHAT_CONFIG`` names);
``wechat-private.json`` holds what only WeChat knows: its private keys.
Both are made once per data directory and readable by their owner only.
"""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APPID, SECOND_APPID = "wx0000000000mall01", "wx0000000000mall02"
MCHID, SECOND_MCHID = "1900000001", "1900000002"
MINIPROGRAMS = {APPID: "商城", SECOND_APPID: "第二品牌"}
MERCHANTS = {MCHID: "直营公司", SECOND_MCHID: "加盟公司"}
TEMPLATES = {
    "order_paid": "tmpl-order-paid-0000000000000000000000000001",
    "pickup_ready": "tmpl-pickup-ready-00000000000000000000000002",
    "refund_done": "tmpl-refund-done-000000000000000000000000003",
    "order_shipped": "tmpl-order-shipped-0000000000000000000000005",
    "birthday": "tmpl-birthday-000000000000000000000000000004",
}


@dataclass(frozen=True, slots=True)
class Merchant:
    """One merchant as WeChat sees it."""

    mchid: str
    appids: tuple[str, ...]
    serial_no: str
    apiv3_key: str
    public_key: rsa.RSAPublicKey
    platform_key: rsa.RSAPrivateKey
    platform_key_id: str


class Accounts:
    """Reads (and on first use makes) the two files of ``data_dir``."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / "wechat.json"
        self._private_path = data_dir / "wechat-private.json"
        data_dir.mkdir(parents=True, exist_ok=True)
        with _locked(data_dir / "wechat.lock"):
            if not (self.path.exists() and self._private_path.exists()):
                public, private = _generate()
                _write(self._private_path, private)
                _write(self.path, public)
        self.config: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        private = json.loads(self._private_path.read_text(encoding="utf-8"))
        self.merchants = {
            mchid: _merchant(mchid, entry, private[mchid])
            for mchid, entry in self.config["merchants"].items()
        }

    def secret(self, appid: str) -> str | None:
        entry = self.config["miniprograms"].get(appid)
        return entry["secret"] if entry else None

    def address(self, base_url: str) -> None:
        """Make the file point to ``base_url`` (the port may differ from the last start)."""
        if self.config["api_base"] == self.config["pay_base"] == base_url:
            return
        self.config.update(api_base=base_url, pay_base=base_url)
        _write(self.path, self.config)


def _generate() -> tuple[dict[str, Any], dict[str, str]]:
    private: dict[str, str] = {}
    merchants: dict[str, Any] = {}
    for mchid, name in MERCHANTS.items():
        ours, theirs = _new_key(), _new_key()
        private[mchid] = _private_pem(theirs)
        merchants[mchid] = {
            "name": name,
            "appids": list(MINIPROGRAMS),
            "serial_no": secrets.token_hex(20).upper(),
            "private_key": _private_pem(ours),
            "apiv3_key": secrets.token_hex(16),
            "wechatpay_public_key": _public_pem(theirs.public_key()),
            "wechatpay_public_key_id": f"PUB_KEY_ID_01{mchid}{secrets.token_hex(10).upper()}",
        }
    config = {
        "api_base": "http://127.0.0.1:0/",
        "pay_base": "http://127.0.0.1:0/",
        "miniprograms": {
            appid: {"secret": secrets.token_hex(16), "name": name}
            for appid, name in MINIPROGRAMS.items()
        },
        "merchants": merchants,
        "templates": dict(TEMPLATES),
    }
    return config, private


def _merchant(mchid: str, entry: dict[str, Any], platform_pem: str) -> Merchant:
    ours = serialization.load_pem_private_key(entry["private_key"].encode(), None)
    theirs = serialization.load_pem_private_key(platform_pem.encode(), None)
    if not isinstance(ours, rsa.RSAPrivateKey) or not isinstance(theirs, rsa.RSAPrivateKey):
        raise TypeError("WeChat Pay keys are RSA keys")
    return Merchant(
        mchid=mchid,
        appids=tuple(entry["appids"]),
        serial_no=entry["serial_no"],
        apiv3_key=entry["apiv3_key"],
        public_key=ours.public_key(),
        platform_key=theirs,
        platform_key_id=entry["wechatpay_public_key_id"],
    )


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _private_pem(key: rsa.RSAPrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def _public_pem(key: rsa.RSAPublicKey) -> str:
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _write(path: Path, content: dict[str, Any]) -> None:
    """Replace ``path`` in one step, so that a reader never sees half a file."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    with os.fdopen(handle, "w", encoding="utf-8") as file:  # mkstemp made it 0600
        json.dump(content, file, ensure_ascii=False, indent=1)
    os.replace(temporary, path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
