"""The settings table: every `LARDER_` variable with its type, default and meaning."""

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from marshmallow import validate

from backend.config import checks
from backend.config.checks import SettingsError, setting

PREFIX = "LARDER_"


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
        check=checks.secret_keys,
    )
    host: str = setting("str", "127.0.0.1", "Address to listen on")
    port: int = setting(
        "int", 8000, "Port to listen on", check=validate.Range(1, 65535, error="Expected a port from 1 to 65535.")
    )
    reuse_port: bool = setting("bool", False, "Let several processes listen on the same port (SO_REUSEPORT)")
    threads: int = setting("int", 8, "Requests that one process handles at the same time", at_least=1)
    jobs: str = setting(
        "str",
        "inline",
        "Where background jobs such as mail run: `inline` in the server, `off` only in `flask jobs run`",
        one_of=["inline", "off"],
    )
    public_url: str = setting(
        "str",
        None,
        "Address under which people reach this server, such as `https://larder.example.com`; "
        "by default its host and port",
        check=checks.web_address,
    )
    trusted_proxies: str | None = setting(
        "str",
        None,
        "Proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas; by default none",
        check=checks.networks,
    )
    cors_origins: str | None = setting(
        "str",
        None,
        "Origins whose scripts may call the API with tokens, separated by commas, such as `https://app.example.com`; "
        "`*` allows all",
        check=checks.origins,
    )
    public_docs: bool = setting(
        "bool",
        True,
        "Show `/openapi.json` and `/docs`, limited to public resources, to anonymous callers; `off` requires a sign-in",
    )

    # Database
    database_url: str = setting(
        "str",
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; by default `larder.db` in the data folder",
        check=checks.database_url,
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
        check=checks.email,
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
        check=validate.Range(0, 4, error="Expected a number from 0 to 4."),
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
        check=checks.smtp_url,
    )
    mail_from: str | None = setting(
        "str", None, "Sender address of mails; by default `noreply` at the host of the public URL", check=checks.email
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
        check=checks.limit,
    )
    rate_limit_auth: str = setting(
        "str",
        "10/minute;100/hour",
        "Limit of sign-in calls per address and per account; `off` disables it",
        check=checks.limit,
    )
    redis_url: str | None = setting(
        "str",
        None,
        "Where limits are counted: `redis://HOST:PORT/NUMBER`; by default in `limits.db` in the data folder (one VM)",
        check=checks.redis_url,
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
        check=checks.token,
    )
    sentry_dsn: str | None = setting(
        "str",
        None,
        "Where unexpected errors are reported, in Sentry's protocol; by default nowhere",
        check=checks.web_address,
    )
    audit_keep_days: int = setting("int", 365, "Days to keep entries of the audit trail", at_least=1)

    # Backups
    backup_dir: Path = setting("path", None, "Folder of backups; by default `backups` in the data folder")
    backup_schedule: str | None = setting(
        "str",
        None,
        "When to make backups, as five cron fields in UTC, such as `15 3 * * *`; by default never",
        check=checks.schedule,
    )
    backup_keep: int = setting("int", 14, "How many scheduled backups to keep", at_least=1)
    backup_target: str | None = setting(
        "str",
        None,
        "Where each backup is copied: `file:///PATH`, or `s3://BUCKET/FOLDER` with the `AWS_` variables; "
        "by default nowhere",
        check=checks.backup_target,
    )

    def __post_init__(self) -> None:
        if self.access_token_seconds > self.refresh_token_seconds:
            # A request asks whether its session was ended, not whether it has expired: see accounts/sessions.py.
            raise SettingsError("LARDER_ACCESS_TOKEN_SECONDS: Expected no more than LARDER_REFRESH_TOKEN_SECONDS.")
        if self.argon2_memory_kib < 8 * self.argon2_parallelism:  # RFC 9106, 3.1
            raise SettingsError("LARDER_ARGON2_MEMORY_KIB: Expected at least 8 for each of LARDER_ARGON2_PARALLELISM.")
        for name in ("data_dir", "backup_dir", "database_url", "backup_target"):
            self._set(name, _in_home(name, getattr(self, name)))
        # Three defaults depend on other settings.
        if self.database_url is None:
            self._set("database_url", f"sqlite:///{self.data_dir / 'larder.db'}")
        if self.backup_dir is None:
            self._set("backup_dir", self.data_dir / "backups")
        if self.public_url is None:
            host = self.host or "0.0.0.0"  # "" listens on all addresses
            self._set("public_url", f"http://{f'[{host}]' if ':' in host else host}:{self.port}")

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    @property
    def mail_sender(self) -> str:
        """The sender address of mails."""
        return self.mail_from or f"noreply@{urlsplit(self.public_url).hostname}"

    @property
    def is_local(self) -> bool:
        """Whether only people on this machine reach the server, as on a developer's machine."""
        host = urlsplit(self.public_url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")


def _in_home(name: str, place: Path | str | None) -> Path | str | None:
    """Return a path, or the URL of a file, with the user's home folder for a `~` at the beginning of its path."""
    beginning, _, path = (str(place) if place else "").rpartition(":///")
    if beginning not in ("", "sqlite", "file") or not path.startswith("~"):
        return place
    try:
        expanded = Path(path).expanduser()
    except RuntimeError as error:
        raise SettingsError(f"{PREFIX}{name.upper()}: {path}: {error}") from error
    return f"{beginning}:///{expanded}" if beginning else expanded
