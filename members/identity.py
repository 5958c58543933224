"""Documents of identity: whether they can be right, how they are sealed, how they are shown.

The key is ``CARD_IDENTITY_KEYS``: the first seals, all open, so that a key can be changed. Without
one it is derived from ``SECRET_KEY``.
"""

import base64
import hashlib
import hmac
import re
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from members.states import PayerKind

_RESIDENT = re.compile(r"\d{17}[\dX]")
_COMPANY = re.compile(r"[0-9A-HJ-NPQRTUWXY]{18}")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_COMPANY_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


class CardIdentityInvalid(DomainError):
    code = "card_identity_invalid"
    message = _("This name or document number cannot be right.")


def document_check(*, kind: str, name: str, number: str) -> tuple[str, str]:
    """(name, number) as they are kept. Raises CardIdentityInvalid.

    A person's number is that of the resident's card (GB 11643, with its check digit), a
    company's its unified social credit code (GB 32100, with its check character).
    """
    name, number = " ".join(name.split()), number.strip().upper()
    right = _company(number) if kind == PayerKind.COMPANY else _resident(number)
    if not 2 <= len(name) <= 80 or not right:
        raise CardIdentityInvalid()
    return name, number


def seal(text: str) -> str:
    return _sealer(*_keys()).encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Raises CardIdentityInvalid when no key of this installation opens it."""
    try:
        return _sealer(*_keys()).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise CardIdentityInvalid() from None


def fingerprint(number: str) -> str:
    """The same for the same document, and of no use without the key. It stays as it is when keys
    are added in front: it hangs on the last one."""
    return hmac.new(_keys()[-1], number.encode(), hashlib.sha256).hexdigest()


def masked(*, name: str, number: str) -> str:
    """ "张** ****1234": enough to recognise, too little to use."""
    return f"{name_masked(name)} ****{number[-4:]}"


def name_masked(name: str) -> str:
    """ "屿上的人" → "屿**": whoever knows the name knows it again."""
    return f"{name[0]}{'*' * min(len(name) - 1, 2)}" if name else ""


def phone_masked(phone: str | None) -> str | None:
    """+8613812345678 → +86138****5678: enough to tell people apart in a list."""
    return f"{phone[:-8]}****{phone[-4:]}" if phone and len(phone) > 8 else phone


def _keys() -> tuple[bytes, ...]:
    words = settings.CARD_IDENTITY_KEYS or [f"card identity {settings.SECRET_KEY}"]
    return tuple(base64.urlsafe_b64encode(hashlib.sha256(word.encode()).digest()) for word in words)


@lru_cache(maxsize=4)
def _sealer(*keys: bytes) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def _resident(number: str) -> bool:
    if not _RESIDENT.fullmatch(number):
        return False
    rest = (
        sum(int(digit) * weight for digit, weight in zip(number[:17], _WEIGHTS, strict=True)) % 11
    )
    return "10X98765432"[rest] == number[17]


def _company(number: str) -> bool:
    if not _COMPANY.fullmatch(number):
        return False
    total = sum(
        _COMPANY_ALPHABET.index(character) * (3**place % 31)
        for place, character in enumerate(number[:17])
    )
    return _COMPANY_ALPHABET[(31 - total % 31) % 31] == number[17]
