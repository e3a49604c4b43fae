"""The settings table: every `LARDER_` variable with its type, default and meaning.

Its first half is in core_settings.py.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from backend.config import checks
from backend.config.checks import SettingsError, setting
from backend.config.core_settings import CoreSettings

PREFIX = "LARDER_"
COPIES_FOLDER = "file-copies"  # of files, in the folder of backups and at their target


@dataclass(frozen=True, kw_only=True)
class Settings(CoreSettings):
    """All settings of one installation; the attribute `data_dir` is the variable `LARDER_DATA_DIR`."""

    # Mail
    smtp_url: str | None = setting(
        "str",
        None,
        "Mail server: `smtp://USER:PASSWORD@HOST:PORT`, `smtps://…` or `smtp+starttls://…`. Without one, no mail "
        "is sent; if `LARDER_PUBLIC_URL` is a loopback address, mails are written to the log instead",
        check=checks.smtp_url,
    )
    app_name: str | None = setting(
        "str", None, "Name of your app in mails and on account pages; by default the host of its URL"
    )
    app_url: str | None = setting(
        "str",
        None,
        "URL of your app, such as `https://app.example.com`. Account pages link to it, and the links of mails lead to "
        "pages of it; by default none, and mails lead to the pages below `/account`",
        check=checks.web_address,
    )
    verification_path: str = setting(
        "str",
        "/verify?token=",
        "Page of your app that confirms an address, below `LARDER_APP_URL`; the token is appended. `off`: Larder's own "
        "page",
        check=checks.app_page,
    )
    reset_path: str = setting(
        "str",
        "/reset?token=",
        "Page of your app that sets a new password, below `LARDER_APP_URL`; the token is appended. `off`: Larder's own "
        "page",
        check=checks.app_page,
    )
    invitation_path: str = setting(
        "str",
        "/invitation?token=",
        "Page of your app that accepts an invitation, below `LARDER_APP_URL`; the token is appended. `off`: Larder's "
        "own page",
        check=checks.app_page,
    )
    mail_templates: Path | None = setting(
        "path", None, "Folder with your own texts of mails, which replace those of Larder; by default none"
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
    max_count: int = setting(
        "int",
        40_000,
        "Number up to which the records of a list are counted; if there are more, `total` is null",
        at_least=1,
        at_most=1_000_000_000,
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

    # Files
    files: str = setting(
        "str",
        None,
        "Where uploaded files are stored: `file:///PATH`, or `s3://BUCKET/FOLDER` with the `AWS_` variables; by "
        "default `files` in the data folder",
        check=checks.files_url,
    )
    max_file_bytes: int = setting("int", 50_000_000, "Maximum size of an uploaded file", at_least=1024)
    files_staged_bytes: int = setting(
        "int",
        None,
        "Maximum size of the files that one user has uploaded and not attached yet; by default 4 times "
        "`LARDER_MAX_FILE_BYTES`",
        at_least=1024,
    )
    files_max_bytes: int | None = setting(
        "int",
        None,
        "Maximum size of all uploaded files together; by default what the disk has room for",
        at_least=1024,
    )
    files_keep_days: int = setting(
        "int", 14, "Days to keep a file after it was removed from its record", at_least=0, at_most=3650
    )
    files_inline_pdf: bool = setting("bool", False, "Let browsers show PDF files instead of saving them")

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
    changes_keep_days: int = setting("int", 30, "Days to keep changes in the feeds of changes", at_least=2)

    # Webhooks
    webhook_networks: str | None = setting(
        "str",
        None,
        "Addresses and networks, separated by commas, that webhooks may call although they are not public, such as "
        "`10.1.0.0/16`; also with `http://`",
        check=checks.networks,
    )

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
        for name in ("data_dir", "backup_dir", "database_url", "backup_target", "mail_templates", "files"):
            self._set(name, checks.expand_home(PREFIX + name.upper(), getattr(self, name)))
        # Some defaults depend on other settings.
        if self.database_url is None:
            self._set("database_url", f"sqlite:///{self.data_dir / 'larder.db'}")
        if self.backup_dir is None:
            self._set("backup_dir", self.data_dir / "backups")
        if self.files is None:
            self._set("files", f"file://{self.data_dir.absolute() / 'files'}")
        if self.files_staged_bytes is None:
            self._set("files_staged_bytes", 4 * self.max_file_bytes)
        for folder in (f"file://{self.backup_dir.absolute()}", self.backup_target):
            if folder and checks.is_same_place(f"{folder.rstrip('/')}/{COPIES_FOLDER}", self.files):
                raise SettingsError(
                    f"LARDER_FILES: Expected another place than {self.files}, where backups keep copies."
                )
        if self.public_url is None:
            self._set("public_url", self.own_url)

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)
