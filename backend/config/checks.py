"""Declares settings and checks their values; a check raises ValidationError with the expected form."""

import re
from collections.abc import Callable
from dataclasses import field
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

from huey import crontab
from limits import parse_many
from marshmallow import ValidationError, validate

from backend.utils.addresses import parse_networks
from backend.utils.emails import normalize_email
from backend.utils.texts import printable

SECRET_KEY_MIN_BYTES = 32  # RFC 7518, 3.2: an HS256 key is at least as long as its hash
EXPECTED_KEYS = f"Expected at least {SECRET_KEY_MIN_BYTES} bytes for each key, and no key twice."
# An origin as browsers send it (RFC 6454, 6.2), or it would never match: lower case, without the default port.
ORIGIN = re.compile(
    r"(http://(?!.*:80$)|https://(?!.*:443$))([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?"
)

# Without characters that a browser, a cookie or a page would have to encode.
PUBLIC_PATH = re.compile(r"(/(?!\.+(/|$))[A-Za-z0-9._~-]+)*/?")

Check: TypeAlias = Callable[[Any], object]


class SettingsError(Exception):
    """One or more settings are not valid; the text names each and the expected form."""


def setting(
    parser: str,
    default: Any,
    help: str,
    *,
    one_of: list[str] | None = None,
    at_least: int | None = None,
    at_most: int | None = None,
    check: Check | None = None,
) -> Any:
    """Return a dataclass field for a setting; `parser` is a method of environs, such as `int`."""
    rules = [check] if check else []
    if one_of:
        rules.append(validate.OneOf(one_of, error="Expected one of: {choices}."))
    if at_least is not None or at_most is not None:
        rules.append(validate.Range(at_least, at_most, error=f"Expected a number {_bounds(at_least, at_most)}."))
    return field(default=default, metadata={"parser": parser, "help": help, "rules": rules, "one_of": one_of})


def _bounds(least: int | None, most: int | None) -> str:
    if least is not None and most is not None:
        return f"from {least} to {most}"
    return f"of at least {least}" if most is None else f"of at most {most}"


def split_keys(text: str) -> list[str]:
    """Return the secret keys in a text, which are separated by commas or line breaks."""
    return [key.strip() for key in re.split(r"[,\n]", text) if key.strip()]


def are_valid_keys(keys: list[str]) -> bool:
    """Return whether there is at least one key, each is long enough, and no two are equal."""
    return bool(keys) and len(set(keys)) == len(keys) and all(len(key.encode()) >= SECRET_KEY_MIN_BYTES for key in keys)


def secret_keys(text: str | None) -> None:
    """Check one or several secret keys."""
    if text is not None and not are_valid_keys(split_keys(text)):
        raise ValidationError(EXPECTED_KEYS)


def smtp_url(url: str | None) -> None:
    """Check the URL of a mail server."""
    parts = urlsplit(url or "smtp://localhost")
    if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname or not _has_valid_port(parts):
        raise ValidationError("Expected smtp://, smtps:// or smtp+starttls:// with USER:PASSWORD@HOST:PORT.")


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def web_address(url: str | None) -> None:
    """Check an http or https URL, which must not have a query or a fragment."""
    parts = urlsplit(url or "http://localhost")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValidationError("Expected a web address such as https://larder.example.com.")


def app_page(path: str) -> None:
    """Check the path of a page to which a token is appended, or `off`."""
    if path != "off" and not re.fullmatch(r"/[!-~]*[=/#?&]", path):
        raise ValidationError("Expected a path that a token can follow, such as /reset?token= or /#/reset/, or off.")


def public_url(url: str | None) -> None:
    """Check the URL under which clients reach this server."""
    web_address(url)
    if not PUBLIC_PATH.fullmatch(urlsplit(url or "").path):
        raise ValidationError("Expected a path of letters, digits and . _ ~ - after the host, such as /larder.")


def email(address: str | None) -> None:
    """Check an e-mail address."""
    try:
        if address is not None:
            normalize_email(address)
    except ValueError as error:
        raise ValidationError(f"Expected an e-mail address. {error}") from error


def database_url(url: str | None) -> None:
    """Check the URL of a database; an SQLite database must be a file without options."""
    if url is None or url.startswith(("postgresql://", "postgres://")):
        return
    path = url.removeprefix("sqlite:///")
    if path == url:
        raise ValidationError("Expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.")
    if path.startswith((":memory:", "file:")) or "?" in path or path.endswith("/") or not path:
        # In memory, each connection would have its own database.
        raise ValidationError("Expected the path of a file after sqlite:///, without options.")


def limit(text: str) -> None:
    """Check one or several rate limits, or `off`."""
    try:
        allowed = text == "off" or all(item.amount and item.get_expiry() for item in parse_many(text))
    except ValueError:
        allowed = False
    if not allowed:
        raise ValidationError("Expected limits such as 10/minute or 10/minute;100/hour, or off.")


def networks(text: str | None) -> None:
    """Check a list of addresses and networks."""
    try:
        parse_networks(text)
    except ValueError as error:
        raise ValidationError(f"Expected addresses and networks, such as 127.0.0.1,10.0.0.0/8: {error}.") from error


def origins(text: str | None) -> None:
    """Check a list of origins; `*` is a valid one."""
    for origin in (text or "*").split(","):
        if origin != "*" and not ORIGIN.fullmatch(origin):
            form = "Expected origins such as https://app.example.com,http://localhost:3000, without a path"
            raise ValidationError(f"{form}; {printable(origin)} is none.")


def token(text: str | None) -> None:
    """Check a bearer token."""
    if text is not None and len(text) < 16:
        raise ValidationError("Expected at least 16 characters.")


def schedule(text: str | None) -> None:
    """Check the five fields of a cron schedule."""
    try:
        allowed = text is None or (len(text.split()) == 5 and crontab(*text.split()))
    except ValueError:
        allowed = False
    if not allowed:
        raise ValidationError("Expected five fields of cron, such as `15 3 * * *`.")


def backup_target(url: str | None) -> None:
    """Check the URL that backups are copied to."""
    if url is not None and not url.startswith(("file:///", "s3://")):
        raise ValidationError("Expected file:///PATH or s3://BUCKET/FOLDER.")


def files_url(url: str | None) -> None:
    """Check the URL of the storage of files: an absolute path, or a bucket."""
    if url is not None and not re.fullmatch(r"file:///.+|s3://[^/]+(/.*)?", url):
        raise ValidationError("Expected file:///PATH or s3://BUCKET/FOLDER.")


def redis_url(url: str | None) -> None:
    """Check the URL of a Redis server."""
    if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
        raise ValidationError("Expected redis://HOST:PORT/NUMBER, rediss://… or unix://PATH.")


def is_same_place(one: str, other: str) -> bool:
    """Return whether two URLs are of one folder or of one part of a bucket."""
    return _place(one) == _place(other)


def _place(url: str) -> str | Path:
    return Path(url.removeprefix("file://")).resolve() if url.startswith("file://") else url.rstrip("/")


def expand_home(variable: str, value: Path | str | None) -> Path | str | None:
    """Return a path or a file URL with a leading `~` of the path replaced by the home folder.

    Raises SettingsError, naming the variable, if there is no such home folder.
    """
    beginning, _, path = (str(value) if value else "").rpartition(":///")
    if beginning not in ("", "sqlite", "file") or not path.startswith("~"):
        return value
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{variable}: {path}: {error}") from error
    return f"{beginning}:///{expanded}" if beginning else expanded
