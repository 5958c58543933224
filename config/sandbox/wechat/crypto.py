"""WeChat Pay v3 cryptography, from WeChat's side of the wire.

Independent of the SDK that the clients use, so that a mistake in one does not hide in the other.
Source: WeChat Pay API v3, "签名生成", "签名验证", "证书和回调报文解密".
"""

import base64
import re
import secrets
import time

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from .accounts import Merchant

SCHEMA = "WECHATPAY2-SHA256-RSA2048"
CLOCK_SKEW_SECONDS = 300
_FIELD = re.compile(r'(\w+)="([^"]*)"')


class SignatureRefused(Exception):
    """The request's Authorization header does not prove who sent it; str() says why."""


def sign(key: rsa.RSAPrivateKey, *parts: str) -> str:
    """Base64 signature over ``parts``, each ended by a line feed."""
    message = "".join(part + "\n" for part in parts).encode()
    return base64.b64encode(key.sign(message, padding.PKCS1v15(), SHA256())).decode()


def verified(key: rsa.RSAPublicKey, signature: str, *parts: str) -> bool:
    message = "".join(part + "\n" for part in parts).encode()
    try:
        key.verify(base64.b64decode(signature), message, padding.PKCS1v15(), SHA256())
    except (InvalidSignature, ValueError):
        return False
    return True


def authenticate(
    header: str, *, method: str, target: str, body: str, merchants: dict[str, Merchant]
) -> Merchant:
    """The merchant that signed a request; raises :class:`SignatureRefused`."""
    schema, _, rest = header.partition(" ")
    fields = dict(_FIELD.findall(rest))
    if schema != SCHEMA or not {"mchid", "serial_no", "nonce_str", "timestamp", "signature"} <= set(
        fields
    ):
        raise SignatureRefused("Http头Authorization值格式错误")
    merchant = merchants.get(fields["mchid"])
    if merchant is None:
        raise SignatureRefused("商户号不存在")
    if fields["serial_no"] != merchant.serial_no:
        raise SignatureRefused("商户证书序列号有误")
    # Real time, never the server's shifted clock: the SDK stamps with the process clock.
    if not fields["timestamp"].isdigit() or (
        abs(time.time() - int(fields["timestamp"])) > CLOCK_SKEW_SECONDS
    ):
        raise SignatureRefused("Http头Authorization中的timestamp与发起请求的时间不得超过5分钟")
    parts = (method, target, fields["timestamp"], fields["nonce_str"], body)
    if not verified(merchant.public_key, fields["signature"], *parts):
        raise SignatureRefused("签名错误，请检查后再试")
    return merchant


def signed_headers(
    merchant: Merchant, body: str, *, timestamp: int, key: rsa.RSAPrivateKey | None = None
) -> dict[str, str]:
    """Headers that prove ``body`` came from WeChat; ``key`` lets a forger sign instead."""
    nonce = secrets.token_hex(16)
    return {
        "Wechatpay-Timestamp": str(timestamp),
        "Wechatpay-Nonce": nonce,
        "Wechatpay-Signature": sign(key or merchant.platform_key, str(timestamp), nonce, body),
        "Wechatpay-Serial": merchant.platform_key_id,
        "Wechatpay-Signature-Type": SCHEMA,
    }


def sealed(plain: str, *, key: str, associated_data: str) -> dict[str, str]:
    """The encrypted fields of a callback's ``resource``."""
    nonce = secrets.token_hex(6)
    data = AESGCM(key.encode()).encrypt(nonce.encode(), plain.encode(), associated_data.encode())
    return {
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": base64.b64encode(data).decode(),
        "associated_data": associated_data,
        "nonce": nonce,
    }
