"""Passwords: how hard they are to guess, their argon2id hashes, and how many are hashed at once."""

import os
import sys
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import matching, zxcvbn

from backend.config.settings import Settings
from backend.services.errors import Invalid, Unavailable
from backend.utils.texts import unstorable_reason

MIN_LENGTH, MAX_LENGTH = 8, 256  # characters; a bound, so that nobody sends a megabyte to be hashed
HASHING_NICENESS = 10
JUDGED_LENGTH = 40  # zxcvbn takes 72; the longer the slower, and what is weak so far is no phrase

# zxcvbn tries every combination of these, which takes seconds for a password with all of them. Kept are the usual ones.
matching.L33T_TABLE.clear()
matching.L33T_TABLE.update(a=["4", "@"], e=["3"], i=["1", "!"], o=["0"], s=["5", "$"], t=["7"])
_judging = threading.Lock()  # it keeps the words of the user in a global


class Hashing:
    """The hasher, and threads for it: they hash in the order of asking, and a bounded number of callers may wait."""

    hasher: PasswordHasher
    nobodys_hash: str  # verified against where there is no account, so that it takes as long
    strength: int  # the least score of zxcvbn

    def open(self, settings: Settings) -> None:
        """Hash and judge passwords as the settings say."""
        self.hasher = PasswordHasher(
            time_cost=settings.argon2_time_cost,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_parallelism,
        )
        self.nobodys_hash = self.hasher.hash("nobody's password")
        self.strength = settings.password_strength
        at_once = settings.password_hashes_at_once or max(1, (os.cpu_count() or 1) // 2)
        self._threads = ThreadPoolExecutor(at_once, "hashing", initializer=_step_back)
        # Half of the server's threads are left for everybody else.
        self._places = threading.Semaphore(max(at_once, settings.threads // 2))

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place; raise Unavailable when all are taken."""
        if not self._places.acquire(blocking=False):
            raise Unavailable("Too many people are signing in right now; try again shortly.")
        try:
            yield
        finally:
            self._places.release()

    def run(self, function, *arguments):
        """Return what the function returns, called by one of the threads."""
        return self._threads.submit(function, *arguments).result()


def _step_back():
    """Let this thread have a core only when no request needs it; where threads have no priority of their own, nothing.

    Where cores are scarce this is what keeps a storm of sign-ins from slowing down everybody else.
    """
    if sys.platform == "linux":
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICENESS)


hashing = Hashing()


def hash_password(password, *, about=(), field="password"):
    """Return the hash to keep of a new password; `about` is what is known of its owner, such as their address.

    Raises Invalid, naming `field`, for a password of a wrong length, with control characters, or easy to guess, and
    Unavailable when too many are being hashed.
    """
    password = opaque(password)
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid({field: [f"Length must be between {MIN_LENGTH} and {MAX_LENGTH}."]})
    if problem := unstorable_reason(password) or _controls(password):
        raise Invalid({field: [problem]})
    with hashing.place():
        if problem := _weakness(password, about):
            raise Invalid({field: [problem]})
        return hashing.run(hashing.hasher.hash, password)


def opaque(password):
    """Return the form of a password that is hashed: OpaqueString of RFC 8265, so that every keyboard types the same.

    Spaces of all kinds are U+0020, and what was typed decomposed is composed; case and width stay.
    """
    spaced = "".join(" " if unicodedata.category(each) == "Zs" else each for each in password)
    return unicodedata.normalize("NFC", spaced)


def _controls(password):
    if any(unicodedata.category(each) == "Cc" for each in password):
        return "Control characters are not allowed."
    return None


def verify_password(password_hash, password):
    """Tell whether the password is the one that was hashed; without a hash it takes as long, and is False.

    Raises Unavailable when too many are being hashed.
    """
    return hashed_form(password_hash, password) is not None


def hashed_form(password_hash, password):
    """Return the form of the password that was hashed, or None when it is a different password; as verify_password.

    A hash from before `opaque` may be of what was typed then.
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


def renew_hash(password_hash, form):
    """Return a new hash of a password by the form that was hashed, or None while the old one is as it would be now."""
    if form == opaque(form) and not hashing.hasher.check_needs_rehash(password_hash):
        return None
    with hashing.place():
        return hashing.run(hashing.hasher.hash, opaque(form))


def _weakness(password, about):
    """Return what makes the password easy to guess, and what would help; None when it is strong enough."""
    if not hashing.strength:
        return None
    words = [word for text in about for word in (text, *text.replace("@", " ").split())]
    with _judging:
        judged = zxcvbn(password[:JUDGED_LENGTH], user_inputs=words)
    if judged["score"] >= hashing.strength:
        return None
    feedback = judged["feedback"]
    return " ".join(filter(None, ["Too easy to guess.", feedback["warning"], *feedback["suggestions"]]))
