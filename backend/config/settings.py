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

    data_dir: Path = setting("path", Path("data"), "Folder of the database file and the secret key; made when missing")
    database_url: str | None = setting(
        "str",
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; by default `larder.db` in the data folder",
        checks=[_is_database_url],
    )
    secret_key: str | None = setting(
        "str",
        None,
        "Signs tokens and cursors, at least 32 bytes; or several, with commas, the first of which signs; "
        "by default made once and kept in the data folder",
        checks=[_are_secret_keys],
    )
    host: str = setting("str", "127.0.0.1", "Address to listen on")
    port: int = setting(
        "int", 8000, "Port to listen on", checks=[validate.Range(1, 65535, error="Expected a port from 1 to 65535.")]
    )
    public_url: str | None = setting(
        "str",
        None,
        "Where people reach this server, such as `https://larder.example.com`; by default its host and port",
        checks=[_is_web_address],
    )
    reuse_port: bool = setting("bool", False, "Let several processes listen on one port (SO_REUSEPORT)")
    threads: int = setting("int", 8, "Requests worked on at once by one process", at_least=1)
    log_level: str = setting(
        "str", "INFO", "How much is logged", one_of=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    )
    cors_origins: str | None = setting(
        "str",
        None,
        "Origins, with commas, whose scripts may call with tokens, such as `https://app.example.com`; or `*`",
        checks=[_are_origins],
    )
    public_docs: bool = setting(
        "bool",
        True,
        "Show `/openapi.json` and `/docs` to anonymous callers, with the public resources; `off` asks for a sign-in",
    )
    metrics_token: str | None = setting(
        "str",
        None,
        "What `/metrics` wants as `Authorization: Bearer`; by default it answers to local addresses alone",
        checks=[_is_token],
    )
    sentry_dsn: str | None = setting(
        "str", None, "Where unexpected errors are reported, in Sentry's protocol", checks=[_is_web_address]
    )
    log_format: str = setting("str", "json", "One JSON object a line, or text for people", one_of=["json", "text"])
    admin_email: str | None = setting(
        "str", None, "E-mail of the first admin, made at start when there is none", checks=[_is_email]
    )
    admin_password: str | None = setting("str", None, "Password of the first admin; by default made and printed once")
    registration: str = setting(
        "str",
        "open",
        "Who gets an account: anyone, those an admin invites, or only those an admin makes one for",
        one_of=["open", "invitation", "closed"],
    )
    smtp_url: str | None = setting(
        "str",
        None,
        "`smtp://USER:PASSWORD@HOST:PORT`, `smtps://…` or `smtp+starttls://…`; without it mail goes to the log on a "
        "developer's machine, and nowhere elsewhere",
        checks=[_is_smtp_url],
    )
    mail_from: str | None = setting(
        "str", None, "Address that mail comes from; by default `noreply` at the public host", checks=[_is_email]
    )
    verification_token_seconds: int = setting(
        "int", 86_400, "How long the mail that proves an address is good for", at_least=60
    )
    reset_token_seconds: int = setting("int", 3600, "How long the mail for a new password is good for", at_least=60)
    invitation_seconds: int = setting("int", 604_800, "How long an invitation is good for", at_least=60)
    jobs: str = setting(
        "str",
        "inline",
        "Where jobs such as mail run: in the server, or only in `flask jobs run`",
        one_of=["inline", "off"],
    )
    backup_dir: Path | None = setting("path", None, "Folder of backups; by default `backups` in the data folder")
    backup_schedule: str | None = setting(
        "str",
        None,
        "When backups are made, as cron's minute, hour, day, month, weekday in UTC: `15 3 * * *`; by default never",
        checks=[_is_schedule],
    )
    backup_keep: int = setting("int", 14, "How many backups stay when one has been made by the clock", at_least=1)
    backup_target: str | None = setting(
        "str",
        None,
        "Where each backup is copied to: `file:///PATH`, or `s3://BUCKET/FOLDER` with the AWS_ variables",
        checks=[_is_target],
    )
    audit_keep_days: int = setting("int", 365, "Days that entries of the audit trail are kept", at_least=1)
    access_token_seconds: int = setting("int", 900, "How long an access token is good for", at_least=1)
    refresh_token_seconds: int = setting("int", 2_592_000, "How long a session lives unless refreshed", at_least=1)
    max_body_bytes: int = setting("int", 1_048_576, "Largest request body", at_least=1024)
    max_answer_bytes: int = setting(
        "int", 16_777_216, "Most bytes of the records in one answer; more is a 422", at_least=1_048_576
    )
    max_import_bytes: int = setting("int", 104_857_600, "Largest file for an import by request", at_least=1024)
    max_import_rows: int = setting("int", 100_000, "Most rows of an import by request", at_least=1)
    import_seconds: int = setting("int", 120, "Longest time for an import by request, in seconds", at_least=1)
    max_export_bytes: int = setting("int", 1_000_000_000, "Largest file that an export may write", at_least=1024)
    max_unread_bytes: int = setting(
        "int",
        4_000_000_000,
        "Disk space that one process may use for answers and exports that slow clients have yet to read",
        at_least=1024,
    )
    database_timeout_seconds: int = setting(
        "int", 5, "How long a request waits for a lock or a connection before it answers 503", at_least=1
    )
    query_timeout_seconds: int = setting(
        "int", 5, "How long the database works on one request before it is stopped and answered 503", at_least=1
    )
    slow_query_ms: int = setting(
        "int", 1000, "A statement that takes as many milliseconds is logged, without its values", at_least=1
    )
    sqlite_memory_bytes: int = setting(
        "int",
        1_073_741_824,
        "Memory that SQLite may use in one server process; a query that needs more is answered 503",
        at_least=67_108_864,
    )
    sqlite_synchronous: str = setting(
        "str",
        "full",
        "`full` survives a power cut; `normal` is faster, but may lose the last writes",
        one_of=["full", "normal"],
    )
    upgrade_at_start: bool = setting("bool", True, "Whether `python wsgi.py` migrates the database before it serves")
    rate_limit: str = setting(
        "str",
        "6000/minute",
        "Requests of one user, API keys included, or of one address without an account; or `off`",
        checks=[_is_limit],
    )
    rate_limit_auth: str = setting(
        "str",
        "10/minute;100/hour",
        "Sign-in calls from one address, and for one account; or `off`",
        checks=[_is_limit],
    )
    redis_url: str | None = setting(
        "str",
        None,
        "`redis://HOST:PORT/NUMBER` to count limits in; by default `limits.db` in the data folder, for one VM",
        checks=[_is_redis_url],
    )
    trusted_proxies: str | None = setting(
        "str",
        None,
        "Addresses and networks, with commas, whose `X-Forwarded-For` is believed; by default nobody's",
        checks=[_are_networks],
    )
    password_strength: int = setting(
        "int",
        3,
        "How hard to guess a password must be, in zxcvbn's score from 1 to 4; 0 takes any",
        checks=[validate.Range(0, 4, error="Expected a number from 0 to 4.")],
    )
    password_hashes_at_once: int | None = setting(
        "int", None, "Passwords hashed at once by one process; by default half as many as there are cores", at_least=1
    )
    argon2_time_cost: int = setting("int", 2, "Passes of argon2id over the memory", at_least=1)
    argon2_memory_kib: int = setting("int", 19456, "Memory of one password's hashing, in KiB", at_least=8)
    argon2_parallelism: int = setting("int", 1, "Lanes of argon2id", at_least=1)

    def __post_init__(self):
        if self.access_token_seconds > self.refresh_token_seconds:
            # A request asks whether its session was ended, not whether it has expired: see services/sessions.py.
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
