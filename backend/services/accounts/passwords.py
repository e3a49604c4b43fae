"""Passwords: how strong they must be, their argon2id hashes, and how many are hashed at once."""

import os
import sys
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import ParamSpec, TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import matching, zxcvbn

from backend.config.settings import Settings
from backend.services.errors import Invalid, Unavailable
from backend.utils.texts import unstorable_reason

P = ParamSpec("P")
R = TypeVar("R")

MIN_LENGTH, MAX_LENGTH = 8, 256  # characters; no more, since hashing takes the longer the longer they are
HASHING_NICENESS = 10
JUDGED_LENGTH = 40  # characters that zxcvbn sees; it accepts 72, but long passwords take it long

# zxcvbn tries all combinations of these, which takes seconds for a password with all of them: only the usual ones stay.
matching.L33T_TABLE.clear()
matching.L33T_TABLE.update(a=["4", "@"], e=["3"], i=["1", "!"], o=["0"], s=["5", "$"], t=["7"])
_judging = threading.Lock()  # zxcvbn stores the words about the user in a global


class Hashing:
    """Hashes in threads of its own, in the order of the calls; only a limited number of callers can wait."""

    hasher: PasswordHasher
    nobodys_hash: str  # checked if there is no such user, so that it takes as long
    strength: int  # the lowest zxcvbn score allowed

    def open(self, settings: Settings) -> None:
        """Use the settings for hashes and strength from now on."""
        self.hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
        )
        self.nobodys_hash = self.hasher.hash("nobody's password")
        self.strength = settings.password_strength
        at_once = settings.password_hashes_at_once or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(at_once, "hashing", initializer=_lower_priority)
        # The other half of the server's threads serves other requests.
        self._places = threading.Semaphore(max(at_once, settings.threads // 2))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold one of the places for callers; raise Unavailable if all are taken."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many people are signing in right now; try again shortly.")
        try:
            yield
        finally:
            self._places.release()

    def run(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """Call the function in one of the threads, and return its result."""
        return self._threads.submit(function, *arguments, **options).result()


def _lower_priority() -> None:
    """Give this thread a core only if no request needs it, where threads have priorities of their own.

    So many sign-ins at once do not slow down other requests, even on few cores.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


hashing = Hashing()


def hash_password(password: str, *, about: Iterable[str] = (), field: str = "password") -> str:
    """Return the hash of a new password; `about` are texts about the user that make it easy to guess.

    Raises Invalid, naming `field`, for a password that has a wrong length, control characters or too little strength,
    and Unavailable if too many are being hashed.
    """
    password = opaque(password)
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid({field: [f"Length must be between {MIN_LENGTH} and {MAX_LENGTH}."]})
    if problem := unstorable_reason(password) or _control_problem(password):
        raise Invalid({field: [problem]})
    with hashing.place():
        if problem := _weakness(password, about):
            raise Invalid({field: [problem]})
        return hashing.run(hashing.hasher.hash, password)


def opaque(password: str) -> str:
    """Return the form of a password that is hashed, OpaqueString of RFC 8265: it does not depend on the keyboard.

    All kinds of spaces become U+0020, and characters are composed (NFC); case and width stay.
    """
    spaced = "".join(" " if unicodedata.category(each) == "Zs" else each for each in password)
    return unicodedata.normalize("NFC", spaced)


def _control_problem(password: str) -> str | None:
    if any(unicodedata.category(each) == "Cc" for each in password):
        return "Control characters are not allowed."
    return None


def verify_password(password_hash: str | None, password: str) -> bool:
    """Tell whether the hash is of this password; without a hash the answer is no, after the same time.

    Raises Unavailable if too many are being hashed.
    """
    return hashed_form(password_hash, password) is not None


def hashed_form(password_hash: str | None, password: str) -> str | None:
    """Return the form of the password that was hashed, or None if the hash is of a different one.

    Old hashes are of the password as it was typed. Time and errors are those of verify_password.
    """
    if len(password) > MAX_LENGTH or unstorable_reason(password):
        return None
    normal = opaque(password)
    with hashing.place():
        for form in dict.fromkeys((normal, password, unicodedata.normalize("NFD", normal))):
            with suppress(VerifyMismatchError):
                hashing.run(hashing.hasher.verify, password_hash or hashing.nobodys_hash, form)
                return form if password_hash else None
    return None


def renew_hash(password_hash: str, form: str) -> str | None:
    """Return a new hash for the form that was hashed, or None if the old hash has today's form and parameters."""
    if form == opaque(form) and not hashing.hasher.check_needs_rehash(password_hash):
        return None
    with hashing.place():
        return hashing.run(hashing.hasher.hash, opaque(form))


def _weakness(password: str, about: Iterable[str]) -> str | None:
    """Return why the password is easy to guess, and what would help; None if it is strong enough."""
    if not hashing.strength:
        return None
    words = [word for text in about for word in (text, *text.replace("@", " ").split())]
    with _judging:
        judged = zxcvbn(password[:JUDGED_LENGTH], user_inputs=words)
    if judged["score"] >= hashing.strength:
        return None
    feedback = judged["feedback"]
    return " ".join(filter(None, ["Too easy to guess.", feedback["warning"], *feedback["suggestions"]]))
