"""The checks of `flask doctor`, each with advice on what to do."""

import os
import smtplib
import stat
from datetime import timedelta
from urllib.parse import urlsplit

import redis

from backend.config.reading import env_file, unknown_variables
from backend.config.secret_key import FILE_NAME
from backend.config.settings import Settings
from backend.models.database import DATABASE_ERRORS, connected
from backend.services.accounts import mail_server
from backend.services.backups import backups
from backend.services.health import database_checks, file_checks, ready, stream_checks, webhook_checks
from backend.services.health.check import FAILURE, OK, WARNING, Check, any_failed
from backend.utils.clock import utcnow

BACKUP_OLD_AFTER = timedelta(days=8)
REDIS_TIMEOUT_SECONDS = 2


def run_checks(settings: Settings, *, damage_seconds: float | None = None) -> list[Check]:
    """Run all checks, including those of the readiness probe. Some connect to other servers and may take seconds.

    The database may be read for `damage_seconds` to find damage; None for no limit.
    """
    probe = ready.run_checks(settings)
    checks = [_check_variables(), _check_permissions(settings), _check_writable(settings), _check_address(settings)]
    checks += probe
    if not any_failed(probe):
        checks += _check_content(settings, damage_seconds)
    checks += [stream_checks.check_streams(settings), _check_backups(settings)]
    return [*checks, _check_mail(settings), _check_redis(settings)]


def _check_content(settings: Settings, damage_seconds: float | None) -> list[Check]:
    """Run the checks that read the database."""
    try:
        with connected():
            checks = database_checks.run_checks(settings, damage_seconds)
            return [*checks, file_checks.check_storage(settings, damage_seconds), webhook_checks.check_webhooks()]
    except DATABASE_ERRORS as error:
        return [ready.check_failure(error)]


def _check_variables() -> Check:
    if unknown := unknown_variables():
        return Check("settings", WARNING, f"Not settings: {', '.join(unknown)}.", " ".join(unknown.values()))
    return Check("settings", OK, "Every LARDER_ variable is a setting.")


def _check_permissions(settings: Settings) -> Check:
    """Look for files with secrets that other accounts of this machine can access."""
    folders = [settings.data_dir, settings.backup_dir]
    paths = [*folders, settings.data_dir / FILE_NAME, env_file()]
    # The files in a folder that others cannot enter are out of their reach.
    for folder in folders:
        if folder.exists() and folder.stat().st_mode & stat.S_IXOTH:
            paths += [path for path in sorted(folder.iterdir()) if path.is_file() and path not in paths]
    if exposed := [str(path) for path in paths if path.exists() and path.stat().st_mode & stat.S_IRWXO]:
        return Check("rights", WARNING, "Other accounts can reach secrets.", f"chmod o= {' '.join(exposed)}")
    return Check("rights", OK, "Other accounts cannot reach the data folder, its key, backups and `.env`.")


def _check_writable(settings: Settings) -> Check:
    """Look for files in the data folder that this account cannot write. Some are not needed for a start."""
    folder, metrics = settings.data_dir, settings.data_dir / "metrics"
    paths = [folder, *folder.glob("*.db*"), *([metrics] if metrics.exists() else []), *metrics.glob("*")]
    if closed := [str(path) for path in paths if not os.access(path, os.W_OK)]:
        message = f"Larder cannot write to {', '.join(closed)}."
        return Check("files", FAILURE, message, "Make the account that runs Larder their owner.")
    return Check("files", OK, "Larder can write to its files.")


def _check_address(settings: Settings) -> Check:
    """Check that the public address uses TLS, and that its proxy is trusted."""
    url = settings.public_url
    if settings.is_local:
        advice = "Once others use it: LARDER_PUBLIC_URL=https://…"
        return Check("address", OK, f"{url} can be reached from this machine only.", advice)
    if urlsplit(url).scheme != "https":
        advice = "Put a proxy with TLS in front and set LARDER_PUBLIC_URL=https://…; only then are cookies Secure."
        return Check("address", WARNING, f"With {url} passwords are sent in clear text.", advice)
    if not settings.trusted_proxies:
        advice = "Set LARDER_TRUSTED_PROXIES to the address of the proxy, such as 127.0.0.1."
        return Check("address", WARNING, "No proxy is trusted, so all clients seem to have one address.", advice)
    return Check("address", OK, f"{url}, through proxies at {settings.trusted_proxies}.")


def _check_backups(settings: Settings) -> Check:
    latest = backups.latest_backup(settings)
    if latest is None or utcnow() - latest.created_at > BACKUP_OLD_AFTER:
        advice = "Set LARDER_BACKUP_SCHEDULE=15 3 * * *, and run `flask backup create` for one now."
        return Check("backups", WARNING, f"The latest, {latest.name}, is old." if latest else "There are none.", advice)
    if not os.access(settings.backup_dir, os.W_OK):
        message = f"Larder cannot write to {settings.backup_dir}."
        return Check("backups", FAILURE, message, "Make the account that runs Larder its owner.")
    return Check("backups", OK, f"{latest.name} is the latest.")


def _check_mail(settings: Settings) -> Check:
    """Sign in at the mail server, without sending anything."""
    if settings.smtp_url is None:
        advice = "Set LARDER_SMTP_URL, so that users can reset their passwords by e-mail."
        return Check("mail", OK if settings.is_local else WARNING, "No mail is sent.", advice)
    try:
        with mail_server.connect(settings.smtp_url):
            return Check("mail", OK, "The mail server accepts mail.")
    except (smtplib.SMTPException, OSError) as error:
        advice = "Check LARDER_SMTP_URL; mail waits in the outbox until the server accepts it."
        return Check("mail", FAILURE, f"The mail server refuses: {error}", advice)


def _check_redis(settings: Settings) -> Check:
    if settings.redis_url is None:
        return Check("limits", OK, "Limits are counted in the data folder, for all processes of this machine.")
    timeouts = {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS}
    try:
        with redis.from_url(settings.redis_url, **timeouts) as client:
            client.ping()
    except redis.RedisError as error:
        advice = "Check LARDER_REDIS_URL; until Redis answers, each process counts separately."
        return Check("limits", FAILURE, f"Redis does not answer: {type(error).__name__}.", advice)
    return Check("limits", OK, "Redis answers.")
