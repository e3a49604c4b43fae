"""What can be wrong with an installation, each with what to do about it: for `flask doctor`."""

import os
import shutil
import smtplib
import stat
import time
from urllib.parse import urlsplit

import redis

from backend.config.reading import env_file, unknown_variables
from backend.config.secret_key import FILE_NAME
from backend.models.audit import AuditEntry
from backend.models.database import connected, database
from backend.models.role import ADMIN
from backend.models.user import UserRole
from backend.services.accounts import mail_server
from backend.services.backups import backups
from backend.services.definitions.catalog import load_definitions
from backend.services.definitions.names import is_reserved_field, is_reserved_resource
from backend.services.health.ready import FAILURE, OK, WARNING, Finding, check_readiness
from backend.utils.clock import utcnow

BACKUP_OLD_AFTER_SECONDS = 8 * 86_400
CLOCK_OFF_SECONDS = 5
LEAST_SQLITE = (3, 51, 3)  # an older one may lose a commit when its WAL file starts anew
LEAST_POSTGRES = 14


def check_everything(settings):
    """Return the Findings of all checks; some ask other servers and may take seconds."""
    ready = check_readiness(settings)
    found = [_variables(), _rights(settings), _writable(settings), _address(settings), *ready]
    if all(each.state != FAILURE for each in ready):
        with connected():
            found += [_database(settings), _clock(), _admin(), _names()]
    return [*found, _backups(settings), _mail(settings), _redis(settings)]


def _variables():
    if unknown := unknown_variables():
        return Finding("settings", WARNING, f"Not settings: {', '.join(unknown)}.", "Look for typing errors.")
    return Finding("settings", OK, "Every LARDER_ variable is a setting.")


def _rights(settings):
    """Look for files with secrets in them that others than their owner can read."""
    folders = [settings.data_dir, settings.backup_dir]
    paths = [*folders, settings.data_dir / FILE_NAME, env_file()]
    # What is in a folder that others cannot enter is out of their reach.
    for folder in folders:
        if folder.exists() and folder.stat().st_mode & stat.S_IXOTH:
            paths += [path for path in sorted(folder.iterdir()) if path.is_file() and path not in paths]
    open_ones = [str(path) for path in paths if path.exists() and path.stat().st_mode & stat.S_IRWXO]
    if open_ones:
        return Finding("rights", WARNING, "Others may get at secrets.", f"chmod o= {' '.join(open_ones)}")
    return Finding("rights", OK, "The data folder, its key, backups and `.env` are hidden from others.")


def _writable(settings):
    """Look for files in the data folder that this account cannot write; without them it works, but worse."""
    paths = [settings.data_dir, *settings.data_dir.glob("*.db*"), *settings.data_dir.glob("metrics/*")]
    if closed := [str(path) for path in paths if not os.access(path, os.W_OK)]:
        told = f"Larder cannot write to {', '.join(closed)}."
        return Finding("files", FAILURE, told, "Make the account that runs Larder their owner.")
    return Finding("files", OK, "Larder can write to its files.")


def _address(settings):
    """Look whether people come through a proxy with TLS, and whether that is believed."""
    parts = urlsplit(settings.public_url)
    if settings.is_local:
        advice = "Once others use it: LARDER_PUBLIC_URL=https://…"
        return Finding("address", OK, f"{settings.public_url} is for this machine alone.", advice)
    if parts.scheme != "https":
        advice = "Put a proxy with TLS in front, and https:// into LARDER_PUBLIC_URL: cookies are Secure only then."
        return Finding("address", WARNING, f"{settings.public_url} sends passwords in clear.", advice)
    if not settings.trusted_proxies:
        advice = "LARDER_TRUSTED_PROXIES=127.0.0.1, or wherever the proxy is: by now all clients count as one."
        return Finding("address", WARNING, "No proxy is trusted to tell the addresses of clients.", advice)
    return Finding("address", OK, f"{settings.public_url}, by proxies at {settings.trusted_proxies}.")


def _database(settings):
    return _sqlite(settings) if database.name == "sqlite" else _postgres()


def _sqlite(settings):
    version = database.execute_sql("SELECT sqlite_version()").fetchone()[0]
    found = {
        name: database.execute_sql(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "foreign_keys", "synchronous")
    }
    told = f"SQLite {version}, {', '.join(f'{name}={value}' for name, value in found.items())}."
    if tuple(map(int, version.split("."))) < LEAST_SQLITE:
        return Finding("version", FAILURE, told, "Install what requirements.lock names: this one may lose a commit.")
    if found["journal_mode"] != "wal" or not found["foreign_keys"]:
        return Finding("version", FAILURE, told, "Has the file been moved to a network disk? It must be a local one.")
    damage = database.execute_sql("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        return Finding("version", FAILURE, f"The file is damaged: {damage}", "Restore the last backup that is sound.")
    if settings.sqlite_synchronous != "full":
        advice = "LARDER_SQLITE_SYNCHRONOUS=full, unless the last seconds before a power cut may be lost."
        return Finding("version", WARNING, told, advice)
    return Finding("version", OK, told)


def _postgres():
    version = database.execute_sql("SHOW server_version").fetchone()[0]
    told = f"Postgres {version}."
    if int(version.partition(".")[0]) < LEAST_POSTGRES:
        return Finding("version", WARNING, told, f"Larder is tried on Postgres {LEAST_POSTGRES} and later.")
    missing = [name for name in ("pg_dump", "pg_restore", "psql") if shutil.which(name) is None]
    if missing:
        advice = "apt-get install postgresql-client, as new as the server: without it there are no backups."
        return Finding("version", WARNING, f"{told} Missing: {', '.join(missing)}.", advice)
    return Finding("version", OK, told)


def _clock():
    """Look whether this clock is behind what was written before, or apart from that of the database server."""
    now, latest = utcnow(), AuditEntry.select(AuditEntry.created_at).order_by(AuditEntry.id.desc()).limit(1).scalar()
    ahead = (latest - now).total_seconds() if latest else 0
    ahead = max(ahead, database.seconds_apart())
    if ahead > CLOCK_OFF_SECONDS:
        advice = "Synchronise the clock (timedatectl set-ntp true): tokens and ids depend on it."
        return Finding("clock", FAILURE, f"This clock is {ahead:.0f} s off.", advice)
    return Finding("clock", OK, f"It is {now:%Y-%m-%d %H:%M:%S} UTC.")


def _admin():
    if not UserRole.anyone_has(ADMIN):
        return Finding("admin", WARNING, "Nobody is an admin.", "flask users promote EMAIL, or users create --admin")
    return Finding("admin", OK, "There is an admin.")


def _names():
    """Look for names of resources and fields that a later version has reserved."""
    found = load_definitions().values()
    bad = [each.name for each in found if is_reserved_resource(each.name)]
    bad += [f"{each.name}.{name}" for each in found for name in each.fields if is_reserved_field(name)]
    if bad:
        told = f"Reserved names are in use: {', '.join(bad)}."
        return Finding("names", WARNING, told, "Rename them with renamed_from: until then some requests may fail.")
    return Finding("names", OK, "No resource and no field has a reserved name.")


def _backups(settings):
    latest = backups.latest_backup(settings)
    if latest is None or time.time() - latest[1] > BACKUP_OLD_AFTER_SECONDS:
        advice = "LARDER_BACKUP_SCHEDULE=15 3 * * *, and flask backup create for one now."
        age = f"{latest[0]} is the latest, and old." if latest else "There is none."
        return Finding("backups", WARNING, age, advice)
    if not os.access(settings.backup_dir, os.W_OK):
        return Finding("backups", FAILURE, f"{settings.backup_dir} cannot be written.", "chown it to who runs Larder.")
    return Finding("backups", OK, f"{latest[0]} is the latest.")


def _mail(settings):
    """Sign in at the mail server, and send nothing."""
    if settings.smtp_url is None:
        state = OK if settings.is_local else WARNING
        return Finding("mail", state, "No mail is sent.", "LARDER_SMTP_URL, or nobody can get a new password by mail.")
    try:
        with mail_server.connect(settings.smtp_url):
            return Finding("mail", OK, "The mail server takes mail.")
    except (smtplib.SMTPException, OSError) as error:
        advice = "Look at LARDER_SMTP_URL; mail waits in the outbox until the server takes it."
        return Finding("mail", FAILURE, f"The mail server refuses: {error}", advice)


def _redis(settings):
    if settings.redis_url is None:
        return Finding("limits", OK, "Limits are counted in the data folder, for the processes of this machine.")
    try:
        with redis.from_url(settings.redis_url, socket_timeout=2, socket_connect_timeout=2) as client:
            client.ping()
    except redis.RedisError as error:
        advice = "Look at LARDER_REDIS_URL; until then each process counts limits alone."
        return Finding("limits", FAILURE, f"Redis does not answer: {type(error).__name__}.", advice)
    return Finding("limits", OK, "Redis answers.")
