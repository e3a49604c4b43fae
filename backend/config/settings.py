"""The settings table: every `LARDER_` variable with its type, default and meaning."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.config import checks
from backend.config.checks import SettingsError, setting
from backend.config.derived import Derived

PREFIX = "LARDER_"


@dataclass(frozen=True, kw_only=True)
class Settings(Derived):
    """All settings of one installation; the attribute `data_dir` is the variable `LARDER_DATA_DIR`."""

    # The server
    data_dir: Path = setting(
        "path", Path("data"), "Folder of the database file and the secret key; created if it is missing"
    )
    secret_key: str | None = setting(
        "str",
        None,
        "Key that signs tokens and cursors, at least 32 bytes. To rotate it, set several keys separated by commas: "
        "the first one signs, all of them verify; by default generated once and kept in the data folder",
        check=checks.secret_keys,
    )
    host: str = setting("str", "127.0.0.1", "Address to listen on")
    port: int = setting("int", 8000, "Port to listen on", at_least=1, at_most=65535)
    reuse_port: bool = setting("bool", False, "Let several processes listen on the same port (SO_REUSEPORT)")
    threads: int = setting("int", 8, "Number of requests that one process handles at the same time", at_least=1)
    jobs: str = setting(
        "str",
        "inline",
        "Where background jobs such as mail run. `inline`: in the server process; `off`: not in the server, so run "
        "`flask jobs run` as well",
        one_of=["inline", "off"],
    )
    public_url: str = setting(
        "str",
        None,
        "URL under which clients reach this server, such as `https://larder.example.com`. If it has a path, such as "
        "`https://example.com/larder`, the proxy in front must remove the path from each request; by default "
        "`http://HOST:PORT`",
        check=checks.public_url,
    )
    trusted_proxies: str | None = setting(
        "str",
        None,
        "Proxies whose `X-Forwarded-For` is trusted: addresses and networks, separated by commas",
        check=checks.networks,
    )
    cors_origins: str | None = setting(
        "str",
        None,
        "Origins whose scripts may call the API with tokens or cookies, separated by commas, such as "
        "`https://app.example.com`; `*` allows all, with tokens only",
        check=checks.origins,
    )
    public_docs: bool = setting(
        "bool",
        True,
        "`true`: anyone can read `/openapi.json` and `/docs`; without a sign-in they show only public resources. "
        "`false`: both require a sign-in",
    )

    # Database
    database_url: str = setting(
        "str",
        None,
        "`sqlite:///PATH` or `postgresql://USER:PASSWORD@HOST/NAME`; by default `larder.db` in the data folder",
        check=checks.database_url,
    )
    upgrade_at_start: bool = setting(
        "bool", True, "Migrate the database when the server starts (`make run` or systemd, not `flask run`)"
    )
    database_timeout_seconds: int = setting(
        "int",
        5,
        "Total time in seconds that one request may wait for locks and connections; after it, the request fails with "
        "a 503",
        at_least=1,
    )
    query_timeout_seconds: int = setting(
        "int",
        5,
        "Total time in seconds that the SQL statements of one request may run; after it, they are stopped and the "
        "request fails with a 503",
        at_least=1,
    )
    sqlite_synchronous: str = setting(
        "str",
        "full",
        "`full`: committed writes survive a power failure; `normal`: faster, but a power failure may lose the last "
        "writes",
        one_of=["full", "normal"],
    )
    sqlite_memory_bytes: int = setting(
        "int",
        1_073_741_824,
        "Memory that SQLite may use per server process; a request that needs more fails with a 503",
        at_least=67_108_864,
    )

    # Accounts and passwords
    admin_email: str | None = setting(
        "str",
        None,
        "E-mail address of the first admin, created when the server starts, if there is no admin; by default "
        "`admin@example.com`",
        check=checks.email,
    )
    admin_password: str | None = setting(
        "str", None, "Password of the first admin; by default generated and printed once"
    )
    registration: str = setting(
        "str",
        "open",
        "Who can get an account. `open`: anyone; `invitation`: people who were invited; `closed`: people whose "
        "account an admin created",
        one_of=["open", "invitation", "closed"],
    )
    access_token_seconds: int = setting("int", 900, "Lifetime of an access token", at_least=1)
    refresh_token_seconds: int = setting(
        "int",
        2_592_000,
        "Lifetime of a refresh token. A session ends if it is not refreshed within this time",
        at_least=1,
    )
    password_strength: int = setting(
        "int",
        3,
        "Minimum zxcvbn score for passwords (1 to 4); 0 accepts any",
        at_least=0,
        at_most=4,
    )
    password_hashes_at_once: int | None = setting(
        "int",
        None,
        "Maximum number of passwords that one process hashes at the same time; by default half the number of cores",
        at_least=1,
    )
    argon2_time_cost: int = setting("int", 2, "Argon2id: number of passes over the memory", at_least=1)
    argon2_memory_kib: int = setting("int", 19456, "Argon2id: memory for one hash, in KiB", at_least=8)
    argon2_parallelism: int = setting("int", 1, "Argon2id: degree of parallelism", at_least=1)

    # Mail
    smtp_url: str | None = setting(
        "str",
        None,
        "Mail server: `smtp://USER:PASSWORD@HOST:PORT`, `smtps://…` or `smtp+starttls://…`. Without one, no mail "
        "is sent; if `LARDER_PUBLIC_URL` is a loopback address, mails are written to the log instead",
        check=checks.smtp_url,
    )
    mail_from: str | None = setting(
        "str",
        None,
        "Sender address of mails; by default `noreply@HOST`, with the host of `LARDER_PUBLIC_URL`",
        check=checks.email,
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
        "Request limit per user (shared by the user's API keys), or per IP address for anonymous callers; `off` "
        "disables it",
        check=checks.limit,
    )
    rate_limit_auth: str = setting(
        "str",
        "10/minute;100/hour",
        "Limit of failed sign-ins, and of calls for registration, passwords and mailed links, per IP address and per "
        "account; `off` disables it",
        check=checks.limit,
    )
    redis_url: str | None = setting(
        "str",
        None,
        "Redis that counts requests for these limits, `redis://HOST:PORT/NUMBER`; needed for several VMs. Without it "
        "they are counted in `limits.db` in the data folder",
        check=checks.redis_url,
    )
    max_body_bytes: int = setting("int", 1_048_576, "Maximum size of a request body, except for imports", at_least=1024)
    max_answer_bytes: int = setting(
        "int",
        16_777_216,
        "Maximum size of the records in one response; a request for more fails with a 422",
        at_least=1_048_576,
    )
    max_unread_bytes: int = setting(
        "int",
        4_000_000_000,
        "Maximum size per process of the temporary files that hold responses and exports for slow clients",
        at_least=1024,
    )

    # Imports and exports
    max_import_bytes: int = setting(
        "int", 104_857_600, "Maximum size of the file that one request imports", at_least=1024
    )
    max_import_rows: int = setting("int", 100_000, "Maximum number of rows that one request imports", at_least=1)
    import_seconds: int = setting("int", 120, "Maximum duration of an import over HTTP", at_least=1)
    max_export_bytes: int = setting(
        "int", 1_000_000_000, "Maximum size of the file that one request exports", at_least=1024
    )

    # Logs and metrics
    log_level: str = setting(
        "str",
        "INFO",
        "Least severe level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR` or `CRITICAL`",
        one_of=["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
    )
    log_format: str = setting(
        "str",
        "auto",
        "`json`: one JSON object per line; `text`: easier to read; `auto`: `text` on a terminal, otherwise `json`",
        one_of=["auto", "json", "text"],
    )
    slow_query_ms: int = setting(
        "int",
        1000,
        "SQL statements that take at least this many milliseconds are logged, without their parameters",
        at_least=1,
    )
    metrics_token: str | None = setting(
        "str",
        None,
        "Bearer token required by `/metrics`; without one, only requests from this machine are allowed",
        check=checks.token,
    )
    sentry_dsn: str | None = setting(
        "str",
        None,
        "DSN of a service with Sentry's protocol, to which unexpected errors are reported",
        check=checks.web_address,
    )
    audit_keep_days: int = setting("int", 365, "Days to keep entries of the audit trail", at_least=1)

    # Backups
    backup_dir: Path = setting("path", None, "Folder of backups; by default `backups` in the data folder")
    backup_schedule: str | None = setting(
        "str",
        None,
        "When to make backups: five cron fields in UTC, such as `15 3 * * *`",
        check=checks.schedule,
    )
    backup_keep: int = setting("int", 14, "How many scheduled backups to keep", at_least=1)
    backup_target: str | None = setting(
        "str",
        None,
        "Where each backup is copied: `file:///PATH`, or `s3://BUCKET/FOLDER` with the `AWS_` variables",
        check=checks.backup_target,
    )

    def __post_init__(self) -> None:
        if self.access_token_seconds > self.refresh_token_seconds:
            # Requests check whether their session was ended, but not whether it has expired: see accounts/sessions.py.
            raise SettingsError("LARDER_ACCESS_TOKEN_SECONDS: Expected no more than LARDER_REFRESH_TOKEN_SECONDS.")
        if self.argon2_memory_kib < 8 * self.argon2_parallelism:  # RFC 9106, 3.1
            raise SettingsError("LARDER_ARGON2_MEMORY_KIB: Expected at least 8 for each of LARDER_ARGON2_PARALLELISM.")
        for name in ("data_dir", "backup_dir", "database_url", "backup_target"):
            self._set(name, checks.expand_home(PREFIX + name.upper(), getattr(self, name)))
        # Three defaults depend on other settings.
        if self.database_url is None:
            self._set("database_url", f"sqlite:///{self.data_dir / 'larder.db'}")
        if self.backup_dir is None:
            self._set("backup_dir", self.data_dir / "backups")
        if self.public_url is None:
            self._set("public_url", self.own_url)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
