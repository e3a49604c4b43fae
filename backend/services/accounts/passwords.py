"""Passwords: checking their strength, hashing them with argon2id, and verifying them.

Hashing is slow by design, so only a limited number of passwords are hashed at once.
"""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from backend.config.settings import Settings
from backend.services.errors import Invalid, Unavailable
from backend.utils.problems import Problem
from backend.utils.texts import unstorable_reason

P = ParamSpec("P")
R = TypeVar("R")

MIN_LENGTH, MAX_LENGTH = 8, 256  # characters; hashing a longer password would take too long
HASHING_NICENESS = 10
SCORED_LENGTH = 40  # characters that zxcvbn gets; it accepts 72, but is slow with long passwords

_zxcvbn_lock = threading.Lock()  # zxcvbn stores the words about the user in a global variable


class Hashing:
    """A thread pool for hashing, with a limit on how many callers may use it or wait for it."""

    hasher: PasswordHasher
    nobodys_hash: str  # verified if there is no such user, so that the response takes as long
    strength: int  # the lowest zxcvbn score allowed

    def open(self, settings: Settings) -> None:
        """Apply the settings from now on."""
        self.hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
        )
        self.nobodys_hash = self.hasher.hash("nobody's password")
        self.strength = settings.password_strength
        at_once = settings.password_hashes_at_once or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(at_once, "hashing", initializer=_lower_priority)
        # Callers may occupy half of the server's threads; the other half serves other requests.
        self._places = threading.Semaphore(max(at_once, settings.threads // 2))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take one of the places for callers. Raises Unavailable if none is free."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many people are signing in right now; try again shortly.")
        try:
            yield
        finally:
            self._places.release()

    def run(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call the function in one of the pool's threads, and return its result."""
        return self._threads.submit(function, *arguments, **options).result()


def _lower_priority() -> None:
    """Lower the priority of this thread on Linux, so that many sign-ins at once do not slow down other requests."""
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


hashing = Hashing()


def hash_password(password: str, *, personal_words: Iterable[str] = (), field: str = "password") -> str:
    """Return the hash of a new password. It counts as weaker if it contains one of the user's `personal_words`.

    Raises Invalid, with `field` as its key, if the password is too short, too long or too weak, or if it contains
    control characters. Raises Unavailable if too many passwords are being hashed.
    """
    password = normalize_password(password)
    if problem := _length_problem(password) or _character_problem(password):
        raise Invalid({field: [problem]})
    with hashing.place():
        if problem := _weakness(password, personal_words):
            raise Invalid({field: [problem]})
        return hashing.run(hashing.hasher.hash, password)


def normalize_password(password: str) -> str:
    """Return the form of a password that is hashed, the OpaqueString of RFC 8265: it is the same on every keyboard.

    All kinds of spaces become U+0020, and characters are composed (NFC). Case and width stay.
    """
    spaced = "".join(" " if unicodedata.category(character) == "Zs" else character for character in password)
    return unicodedata.normalize("NFC", spaced)


def _length_problem(password: str) -> Problem | None:
    if len(password) < MIN_LENGTH:
        return Problem("too_short", f"Must have at least {MIN_LENGTH} characters.", limit=MIN_LENGTH)
    if len(password) > MAX_LENGTH:
        return Problem("too_long", f"Must have at most {MAX_LENGTH} characters.", limit=MAX_LENGTH)
    return None


def _character_problem(password: str) -> Problem | None:
    has_controls = any(unicodedata.category(character) == "Cc" for character in password)
    reason = unstorable_reason(password) or ("Control characters are not allowed." if has_controls else None)
    return None if reason is None else Problem("bad_format", reason)


def verify_password(password_hash: str | None, password: str) -> bool:
    """Return whether the password matches the hash.

    Without a hash, because there is no such user, return False after the same time. Raises Unavailable if too many
    passwords are being hashed.
    """
    return match_password(password_hash, password) is not None


def match_password(password_hash: str | None, password: str) -> str | None:
    """Return the form of the password that matches the hash; None if the password is wrong.

    A form is needed because old hashes are of the password as it was typed, not normalized. Timing and errors are
    those of verify_password.
    """
    if len(password) > MAX_LENGTH or unstorable_reason(password):
        return None
    normal = normalize_password(password)
    with hashing.place():
        for form in dict.fromkeys((normal, password, unicodedata.normalize("NFD", normal))):
            with suppress(VerifyMismatchError):
                hashing.run(hashing.hasher.verify, password_hash or hashing.nobodys_hash, form)
                return form if password_hash else None
    return None


def renew_hash(password_hash: str, form: str) -> str | None:
    """Return a new hash if the stored one is outdated, else None; `form` is what match_password returned.

    A hash is outdated if its parameters differ from the settings, or if the form is not normalized.
    """
    if form == normalize_password(form) and not hashing.hasher.check_needs_rehash(password_hash):
        return None
    with hashing.place():
        return hashing.run(hashing.hasher.hash, normalize_password(form))


def _weakness(password: str, personal_words: Iterable[str]) -> Problem | None:
    """Return why the password is easy to guess, and what would help; None if it is strong enough."""
    if not hashing.strength:
        return None
    words = [word for text in personal_words for word in (text, *text.replace("@", " ").split())]
    with _zxcvbn_lock:
        result = _zxcvbn()(password[:SCORED_LENGTH], user_inputs=words)
    if result["score"] >= hashing.strength:
        return None
    feedback = result["feedback"]
    advice = filter(None, ["Too easy to guess.", feedback["warning"], *feedback["suggestions"]])
    return Problem("weak_password", " ".join(advice))


@cache
def _zxcvbn() -> Callable[..., Any]:
    """Return the function of zxcvbn. Its words need 12 MiB, so they are loaded when a password is chosen."""
    from zxcvbn import matching, zxcvbn

    # It tries all combinations of these substitutions, which takes seconds if a password has many. Keep the usual ones.
    matching.L33T_TABLE.clear()
    matching.L33T_TABLE.update(a=["4", "@"], e=["3"], i=["1", "!"], o=["0"], s=["5", "$"], t=["7"])
    function: Callable[..., Any] = zxcvbn
    return function
