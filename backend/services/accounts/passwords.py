"""Passwords: how hard they are to guess, their argon2id hashes, and how many are hashed at once."""

import os
import sys
import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from zxcvbn import matching, zxcvbn

from backend.services.errors import Invalid, Unavailable
from backend.utils.texts import unstorable_reason

MIN_LENGTH, MAX_LENGTH = 8, 256  # characters; a bound, so that nobody sends a megabyte to be hashed
HASHING_NICENESS = 10
JUDGED_LENGTH = 40  # zxcvbn takes 72; the longer the slower, and what is weak so far is no phrase

# zxcvbn tries every combination of these, which takes seconds for a password with all of them. Kept are the usual ones.
matching.L33T_TABLE.clear()
matching.L33T_TABLE.update(a=["4", "@"], e=["3"], i=["1", "!"], o=["0"], s=["5", "$"], t=["7"])
_judging = threading.Lock()  # it keeps the words of the user in a global

_hasher = _nobodys_hash = _strength = _hashing = None


class Hashing:
    """Threads that hash, in the order of asking, and room for no more than `waiting` who wait for them."""

    def __init__(self, at_once, waiting):
        self._threads = ThreadPoolExecutor(at_once, "hashing", initializer=_step_back)
        self._places = threading.Semaphore(at_once + waiting)

    @contextmanager
    def place(self):
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


def configure(settings):
    """Hash and judge passwords as the settings say."""
    global _hasher, _nobodys_hash, _strength, _hashing
    _hasher = PasswordHasher(
        time_cost=settings.argon2_time_cost,
        memory_cost=settings.argon2_memory_kib,
        parallelism=settings.argon2_parallelism,
    )
    _nobodys_hash = _hasher.hash("nobody's password")
    _strength = settings.password_strength
    at_once = settings.password_hashes_at_once or max(1, (os.cpu_count() or 1) // 2)
    # Half of the server's threads are left for everybody else.
    _hashing = Hashing(at_once, max(0, settings.threads // 2 - at_once))


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
    with _hashing.place():
        if problem := _weakness(password, about):
            raise Invalid({field: [problem]})
        return _hashing.run(_hasher.hash, password)


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
    with _hashing.place():
        for form in dict.fromkeys((normal, password, unicodedata.normalize("NFD", normal))):
            with suppress(VerifyMismatchError):
                _hashing.run(_hasher.verify, password_hash or _nobodys_hash, form)
                return form if password_hash else None
    return None


def renew_hash(password_hash, form):
    """Return a new hash of a password by the form that was hashed, or None while the old one is as it would be now."""
    if form == opaque(form) and not _hasher.check_needs_rehash(password_hash):
        return None
    with _hashing.place():
        return _hashing.run(_hasher.hash, opaque(form))


def _weakness(password, about):
    """Return what makes the password easy to guess, and what would help; None when it is strong enough."""
    if not _strength:
        return None
    words = [word for text in about for word in (text, *text.replace("@", " ").split())]
    with _judging:
        judged = zxcvbn(password[:JUDGED_LENGTH], user_inputs=words)
    if judged["score"] >= _strength:
        return None
    feedback = judged["feedback"]
    return " ".join(filter(None, ["Too easy to guess.", feedback["warning"], *feedback["suggestions"]]))
