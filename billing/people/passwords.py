"""Passwords as argon2id (RFC 9106), and which ones are taken.

Comparing costs 64 MiB and some tens of milliseconds on purpose, also for a name nobody has, so that the answer's time
does not tell who exists. At most two comparisons run at a time; the others wait their turn.
"""

from __future__ import annotations

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

SHORTEST = 12
LONGEST = 200
SHORTEST_LOGIN = 4  # shorter ones stand in many words
FEWEST_LETTERS = 5  # different ones

AT_A_TIME = 2

_threads = ThreadPoolExecutor(AT_A_TIME, "billing-passwords")
_hasher = PasswordHasher()  # the library's defaults are RFC 9106's second recommendation


# What the lists of stolen passwords begin with. A whole list is no better for its length: what is left of a password
# without these has to be half of one by itself.
COMMON_DIGITS = ("1234567890", "123456789", "12345678", "123456", "12345", "1234", "123")
COMMON_WORDS = (
    "administrator", "admin", "passwort", "password", "passwd", "qwertyuiop", "qwertzuiop", "qwerty", "qwertz",
    "asdfgh", "yxcvbn", "zxcvbn", "letmein", "welcome", "willkommen", "iloveyou", "monkey", "dragon", "football",
    "sunshine", "princess", "master", "secret", "geheim", "hallo", "login", "changeme", "default", "charging",
    "charger", "kiosk", "operator", "abcdef", "abc",
)  # fmt: skip
_MEANT = str.maketrans("@0$!", "aosi")


class Weak(ValueError):
    """A password that is not taken. `reason` names the words for the person who chose it: weak_short …"""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def hash_password(password: str) -> str:
    return _hasher.hash(password)


def password_matches(password: str, stored: str | None) -> bool:
    """Takes as long for None, which nothing matches, as for any stored hash."""
    try:
        is_right = _hasher.verify(stored or _of_nobody(), password)
    except (VerificationError, InvalidHashError):
        return False
    return is_right and stored is not None


async def hash_of(password: str) -> str:
    """`hash_password` beside the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_threads, hash_password, password)


async def matches(password: str, stored: str | None) -> bool:
    """`password_matches` beside the event loop. What is longer than any password is cut, which makes it none."""
    cut = password[: LONGEST + 1]
    return await asyncio.get_running_loop().run_in_executor(_threads, password_matches, cut, stored)


def is_outdated(stored: str) -> bool:
    """Whether it was made with weaker parameters than today's, and is to be made again at the next sign-in."""
    return _hasher.check_needs_rehash(stored)


def check_choice(password: str, *names: str) -> None:
    """Raises Weak. `names`: the login, which must not stand in it, and what must not be all of it: the person's name,
    the operator's."""
    if len(password) < SHORTEST:
        raise Weak("weak_short", f"a password wants at least {SHORTEST} characters; several words are fine")
    if len(password) > LONGEST:
        raise Weak("weak_long", f"a password has at most {LONGEST} characters")
    if len(set(password)) < FEWEST_LETTERS:
        raise Weak("weak_even", f"a password wants at least {FEWEST_LETTERS} different characters")
    login = names[0].lower().partition("@")[0] if names else ""
    if len(login) >= SHORTEST_LOGIN and login in password.lower():
        raise Weak("weak_login", "a password does not contain the login")
    rest = password.lower()
    for digits in COMMON_DIGITS:
        rest = rest.replace(digits, "")
    rest = rest.translate(_MEANT)
    for word in COMMON_WORDS:
        rest = rest.replace(word, "")
    if len(rest) < SHORTEST // 2:
        raise Weak("weak_common", "this is among the passwords that are tried first; several words are fine")
    rest = password.lower()
    for name in names:
        for word in name.lower().replace("@", " ").split():
            rest = rest.replace(word, "") if len(word) > 2 else rest
    if len(rest) < SHORTEST // 2:
        raise Weak("weak_name", "a password is more than a name with something added")


@cache
def _of_nobody() -> str:
    return _hasher.hash(secrets.token_hex(16))
