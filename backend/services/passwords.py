"""Password hashes: argon2id."""

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from backend.services.errors import Invalid

MIN_LENGTH, MAX_LENGTH = 8, 256  # characters; a bound, so that nobody sends a megabyte to be hashed

# OWASP's minimum for argon2id: 19 MiB and two passes, about 20 ms.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_nobodys_hash = _hasher.hash("nobody's password")


def hash_password(password):
    """Return the hash to keep; raise Invalid for a password that is too short or too long."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        raise Invalid({"password": [f"Length must be between {MIN_LENGTH} and {MAX_LENGTH}."]})
    return _hasher.hash(password)


def verify_password(password_hash, password):
    """Tell whether the password is the one that was hashed; without a hash it takes as long, and is False."""
    try:
        _hasher.verify(password_hash or _nobodys_hash, password)
    except VerifyMismatchError:
        return False
    return password_hash is not None
