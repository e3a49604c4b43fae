"""The settings table: every `LARDER_` variable with its type, default and meaning."""

import dataclasses
import os
import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from environs import EnvError, FileAwareEnv, validate
from huey import crontab
from limits import parse_many

from backend.utils.addresses import parse_networks
from backend.utils.emails import normalize_email

PREFIX = "LARDER_"
TEST_PREFIX = "LARDER_TEST_"  # variables of the tests
SECRET_KEY_MIN_BYTES = 32  # RFC 7518, 3.2: an HS256 key is at least as long as its hash
# As browsers write an origin (RFC 6454, 6.2), or none would match: lower case, and never the port that its scheme has.
ORIGIN = re.compile(
    r"(http://(?!.*:80$)|https://(?!.*:443$))([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?"
)
EXPECTED_KEYS = f"Expected at least {SECRET_KEY_MIN_BYTES} bytes for each key, and no key twice."


class SettingsError(Exception):
    """One or more settings are wrong; the text names each and says what was expected."""


def setting(kind, default, help, *, one_of=None, at_least=None, checks=()):
    """Return a dataclass field read as `kind` (a parser of environs), with its help and its checks."""
    rules = list(checks)
    if one_of:
        rules.append(validate.OneOf(one_of, error="Expected one of: {choices}."))
    if at_least is not None:
        rules.append(validate.Range(min=at_least, error=f"Expected a number of at least {at_least}."))
    return field(default=default, metadata={"kind": kind, "help": help, "rules": rules, "one_of": one_of})


def split_keys(text):
    """Return the secret keys in a text that holds one or several, with commas or line by line."""
    return [key.strip() for key in re.split(r"[,\n]", text) if key.strip()]


def are_good_keys(keys):
    """Tell whether there is a key, each is long enough, and none is there twice."""
    return bool(keys) and len(set(keys)) == len(keys) and all(len(key.encode()) >= SECRET_KEY_MIN_BYTES for key in keys)


def _are_secret_keys(text):
    if text is not None and not are_good_keys(split_keys(text)):
        raise validate.ValidationError(EXPECTED_KEYS)


def _is_smtp_url(url):
    parts = urlsplit(url or "smtp://localhost")
    if parts.scheme not in ("smtp", "smtps", "smtp+starttls") or not parts.hostname or not _has_port(parts):
        raise validate.ValidationError("Expected smtp://, smtps:// or smtp+starttls:// with USER:PASSWORD@HOST:PORT.")


def _has_port(parts):
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _is_web_address(url):
    parts = urlsplit(url or "http://localhost")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise validate.ValidationError("Expected a web address such as https://larder.example.com.")


def _is_email(address):
    try:
        if address is not None:
            normalize_email(address)
    except ValueError as error:
        raise validate.ValidationError(f"Expected an e-mail address. {error}") from error


def _is_database_url(url):
    if url is None or url.startswith(("postgresql://", "postgres://")):
        return
    path = url.removeprefix("sqlite:///")
    if path == url:
        raise validate.ValidationError("Expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME.")
    if path.startswith((":memory:", "file:")) or "?" in path or path.endswith("/") or not path:
        # In memory each connection would have a database of its own.
        raise validate.ValidationError("Expected the path of a file after sqlite:///, without options.")


def _is_limit(text):
    try:
        allowed = text == "off" or all(limit.amount and limit.get_expiry() for limit in parse_many(text))
    except ValueError:
        allowed = False
    if not allowed:
        raise validate.ValidationError("Expected limits such as 10/minute or 10/minute;100/hour, or off.")


def _are_networks(text):
    try:
        parse_networks(text)
    except ValueError as error:
        raise validate.ValidationError(
            f"Expected addresses and networks, such as 127.0.0.1,10.0.0.0/8: {error}."
        ) from error


def _are_origins(text):
    for origin in (text or "*").split(","):
        if origin != "*" and not ORIGIN.fullmatch(origin):
            raise validate.ValidationError("Expected origins such as https://app.example.com,http://localhost:3000.")


def _is_token(text):
    if text is not None and len(text) < 16:
        raise validate.ValidationError("Expected at least 16 characters.")


def _is_schedule(text):
    try:
        allowed = text is None or (len(text.split()) == 5 and crontab(*text.split()))
    except ValueError:
        allowed = False
    if not allowed:
        raise validate.ValidationError("Expected five fields of cron, such as `15 3 * * *`.")


def _is_target(url):
    if url is not None and not url.startswith(("file:///", "s3://")):
        raise validate.ValidationError("Expected file:///PATH or s3://BUCKET/FOLDER.")


def _is_redis_url(url):
    if url is not None and not url.startswith(("redis://", "rediss://", "unix://")):
        raise validate.ValidationError("Expected redis://HOST:PORT/NUMBER, rediss://… or unix://PATH.")


def _at_home(name, place):
    """Return a path, or a URL of a file, with the user's home folder for a `~` at the beginning of its path."""
    beginning, _, path = (str(place) if place else "").rpartition(":///")
    if beginning not in ("", "sqlite", "file") or not path.startswith("~"):
        return place
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{PREFIX}{name.upper()}: {path}: {error}") from error
    return f"{beginning}:///{expanded}" if beginning else expanded


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of one installation; the attribute `data_dir` is the variable `LARDER_DATA_DIR`."""

    # The server
    data_dir: Path = setting(
        "path", Path("data"), "Folder of the database file and the secret key; created if it is missing"
    )
    secret_key: str | None = setting(
        "str",
        None,
        "Key that signs tokens and cursors, at least 32 bytes. Several keys are separated by commas: the first one "
        "signs, all of them verify. By default a key is generated once and kept in the data folder",
        checks=[_are_secret_keys],
    )
    host: str = setting("str", "127.0.0.1", "Address to listen on")
    port: int = setting(
        "int", 8000, "Port to listen on", checks=[validate.Range(1, 65535, error="Expected a port from 1 to 65535.")]
    )
    reuse_port: bool = setting("bool", False, "Let several processes listen on the same port (SO_REUSEPORT)")
    threads: int = setting("int", 8, "Requests that one process handles at the same time", at_least=1)
    jobs: str = setting(
        "str",
        "inline",
        "Where background jobs such as mail run: `inline` in the server, `off` only in `flask jobs run`",
        one_of=["inline", "off"],
    )
    public_url: str | None = setting(
        "str",
        None,
        "Address under which people reach this server, such as `https://larder.example.com`; "
        "by default its host and port",
        checks=[_is_web_address],
    )
    trusted_proxies: str | None = setting(
        "str",
        None,
        "Proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas; by default none",
        checks=[_are_networks],
    )
    cors_origins: str | None = setting(
        "str",
        None,
        "Origins whose scripts may call the API with tokens, separated by commas, such as `https://app.example.com`; "
        "`*` allows all",
        checks=[_are_origins],
    )
    public_docs: bool = setting(
        "bool",
        True,
        "Show `/openapi.json` and `/docs`, limited to public resources, to anonymous callers; `off` requires a sign-in",
    )

    # Database
    database_url: str | None = setting(
        "str",
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; by default `larder.db` in the data folder",
        checks=[_is_database_url],
    )
    upgrade_at_start: bool = setting("bool", True, "Let `python wsgi.py` migrate the database before it serves")
    database_timeout_seconds: int = setting(
        "int", 5, "How long one request may wait for locks and connections before it is answered 503", at_least=1
    )
    query_timeout_seconds: int = setting(
        "int", 5, "How long the statements of one request may run before they are stopped and answered 503", at_least=1
    )
    sqlite_synchronous: str = setting(
        "str",
        "full",
        "`full` survives a power cut; `normal` is faster, but a power cut may lose the last writes",
        one_of=["full", "normal"],
    )
    sqlite_memory_bytes: int = setting(
        "int",
        1_073_741_824,
        "Memory that SQLite may use in one server process; a query that needs more is answered 503",
        at_least=67_108_864,
    )

    # Accounts and passwords
    admin_email: str | None = setting(
        "str",
        None,
        "E-mail address of the first admin, created at start if there is none; by default `admin@example.com`",
        checks=[_is_email],
    )
    admin_password: str | None = setting(
        "str", None, "Password of the first admin; by default one is generated and printed once"
    )
    registration: str = setting(
        "str",
        "open",
        "Who gets an account: `open` anyone, `invitation` only people who were invited, `closed` only people whose "
        "account an admin created",
        one_of=["open", "invitation", "closed"],
    )
    access_token_seconds: int = setting("int", 900, "Lifetime of an access token", at_least=1)
    refresh_token_seconds: int = setting(
        "int", 2_592_000, "Lifetime of a refresh token, and so of a session that is not refreshed", at_least=1
    )
    password_strength: int = setting(
        "int",
        3,
        "Minimum zxcvbn score for passwords (1 to 4); 0 accepts any",
        checks=[validate.Range(0, 4, error="Expected a number from 0 to 4.")],
    )
    password_hashes_at_once: int | None = setting(
        "int",
        None,
        "Passwords that one process hashes at the same time; by default half the number of cores",
        at_least=1,
    )
    argon2_time_cost: int = setting("int", 2, "Argon2id: number of passes over the memory", at_least=1)
    argon2_memory_kib: int = setting("int", 19456, "Argon2id: memory for one hash, in KiB", at_least=8)
    argon2_parallelism: int = setting("int", 1, "Argon2id: number of lanes", at_least=1)

    # Mail
    smtp_url: str | None = setting(
        "str",
        None,
        "`smtp://USER:PASSWORD@HOST:PORT`, `smtps://…` or `smtp+starttls://…`. By default no mail is sent; on a "
        "developer's machine it is written to the log",
        checks=[_is_smtp_url],
    )
    mail_from: str | None = setting(
        "str", None, "Sender address of mails; by default `noreply` at the host of the public URL", checks=[_is_email]
    )
    verification_token_seconds: int = setting(
        "int", 86_400, "Lifetime of the link that confirms an e-mail address", at_least=60
    )
    reset_token_seconds: int = setting("int", 3600, "Lifetime of the link that resets a password", at_least=60)
    invitation_seconds: int = setting("int", 604_800, "Lifetime of an invitation", at_least=60)

    # Limits
    rate_limit: str = setting(
        "str",
        "6000/minute",
        "Request limit per user, API keys included, or per address for anonymous callers; `off` disables it",
        checks=[_is_limit],
    )
    rate_limit_auth: str = setting(
        "str",
        "10/minute;100/hour",
        "Limit of sign-in calls per address and per account; `off` disables it",
        checks=[_is_limit],
    )
    redis_url: str | None = setting(
        "str",
        None,
        "Where limits are counted: `redis://HOST:PORT/NUMBER`; by default in `limits.db` in the data folder (one VM)",
        checks=[_is_redis_url],
    )
    max_body_bytes: int = setting("int", 1_048_576, "Largest request body, imports excepted", at_least=1024)
    max_answer_bytes: int = setting(
        "int",
        16_777_216,
        "Most bytes of records in one answer; a request for more is answered 422",
        at_least=1_048_576,
    )
    max_unread_bytes: int = setting(
        "int",
        4_000_000_000,
        "Disk space that one process may use for answers and exports that slow clients have not read yet",
        at_least=1024,
    )

    # Imports and exports
    max_import_bytes: int = setting("int", 104_857_600, "Largest file that one request may import", at_least=1024)
    max_import_rows: int = setting("int", 100_000, "Most rows that one request may import", at_least=1)
    import_seconds: int = setting("int", 120, "Longest time that one request may import, in seconds", at_least=1)
    max_export_bytes: int = setting("int", 1_000_000_000, "Largest file that one request may export", at_least=1024)

    # Logs and metrics
    log_level: str = setting(
        "str",
        "INFO",
        "Least severe level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
        one_of=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    )
    log_format: str = setting(
        "str", "json", "`json` writes one JSON object per line, `text` is for reading", one_of=["json", "text"]
    )
    slow_query_ms: int = setting(
        "int", 1000, "Log statements that take at least this many milliseconds, without their values", at_least=1
    )
    metrics_token: str | None = setting(
        "str",
        None,
        "Bearer token required by `/metrics`; without one, only requests from this machine are answered",
        checks=[_is_token],
    )
    sentry_dsn: str | None = setting(
        "str",
        None,
        "Where unexpected errors are reported, in Sentry's protocol; by default nowhere",
        checks=[_is_web_address],
    )
    audit_keep_days: int = setting("int", 365, "Days to keep entries of the audit trail", at_least=1)

    # Backups
    backup_dir: Path | None = setting("path", None, "Folder of backups; by default `backups` in the data folder")
    backup_schedule: str | None = setting(
        "str",
        None,
        "When to make backups, as five cron fields in UTC, such as `15 3 * * *`; by default never",
        checks=[_is_schedule],
    )
    backup_keep: int = setting("int", 14, "How many scheduled backups to keep", at_least=1)
    backup_target: str | None = setting(
        "str",
        None,
        "Where each backup is copied: `file:///PATH`, or `s3://BUCKET/FOLDER` with the `AWS_` variables; "
        "by default nowhere",
        checks=[_is_target],
    )

    def __post_init__(self):
        if self.access_token_seconds > self.refresh_token_seconds:
            # A request asks whether its session was ended, not whether it has expired: see accounts/sessions.py.
            raise SettingsError("LARDER_ACCESS_TOKEN_SECONDS: Expected no more than LARDER_REFRESH_TOKEN_SECONDS.")
        if self.argon2_memory_kib < 8 * self.argon2_parallelism:  # RFC 9106, 3.1
            raise SettingsError("LARDER_ARGON2_MEMORY_KIB: Expected at least 8 for each of LARDER_ARGON2_PARALLELISM.")
        for name in ("data_dir", "backup_dir", "database_url", "backup_target"):
            object.__setattr__(self, name, _at_home(name, getattr(self, name)))
        if self.database_url is None:
            object.__setattr__(self, "database_url", f"sqlite:///{self.data_dir / 'larder.db'}")
        if self.backup_dir is None:
            object.__setattr__(self, "backup_dir", self.data_dir / "backups")
        if self.public_url is None:
            host = self.host or "0.0.0.0"  # to listen on "" is to listen on all
            object.__setattr__(self, "public_url", f"http://{f'[{host}]' if ':' in host else host}:{self.port}")

    @property
    def mail_sender(self):
        """The address that mail comes from."""
        return self.mail_from or f"noreply@{urlsplit(self.public_url).hostname}"

    @property
    def is_local(self):
        """Whether people reach this server on their own machine only: then it is one of a developer."""
        host = urlsplit(self.public_url).hostname
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def read_settings():
    """Return Settings read from the environment and from `.env` in the current folder.

    Each variable can be given as the file `LARDER_<NAME>_FILE` too. Raises SettingsError naming everything wrong.
    """
    _forget_blank_variables()
    env = FileAwareEnv(prefix=PREFIX, eager=False, strip_whitespace=True)
    try:
        env.read_env(str(env_file()), recurse=False)
        known = {**dotenv_values(env_file()), **os.environ}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{env_file()} cannot be read: {error}") from error
    values = {}
    try:
        for item in dataclasses.fields(Settings):
            name, rules = PREFIX + item.name.upper(), item.metadata["rules"]
            if any((known.get(each) or "").strip() for each in (name, f"{name}_FILE")):
                values[item.name] = getattr(env, item.metadata["kind"])(item.name.upper(), validate=rules)
        env.seal()
    except (EnvError, ValueError) as error:
        raise SettingsError(_explain(error)) from error
    return Settings(**values)


def _forget_blank_variables():
    """Take a variable without a value for one that is not set, so that the value in `.env` or the default applies."""
    for name in [name for name, value in os.environ.items() if name.startswith(PREFIX) and not value.strip()]:
        del os.environ[name]


def environment(more):
    """Return the environment of this process, for a program that it starts, with more variables."""
    return os.environ | more


def _explain(error):
    messages = getattr(error, "error_messages", None)
    if not messages:
        return str(error)
    return "\n".join(f"{name}: {' '.join(problems)}" for name, problems in messages.items())


def env_file():
    """Return the path of the file that settings are read from, which need not be there."""
    return Path.cwd() / ".env"


def unknown_variables():
    """Return the names of `LARDER_` variables, of `.env` too, that are no setting: most likely typing errors."""
    known = {PREFIX + item.name.upper() for item in dataclasses.fields(Settings)}
    known |= {name + "_FILE" for name in known}
    return sorted(
        name
        for name in {*os.environ, *dotenv_values(env_file())}
        if name.startswith(PREFIX) and not name.startswith(TEST_PREFIX) and name not in known
    )
