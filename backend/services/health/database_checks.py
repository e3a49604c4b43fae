"""The checks of `flask doctor` that read the database; they need a connection."""

import re
import shutil
import subprocess
from collections.abc import Sequence

from backend.config.settings import Settings
from backend.models.audit import AuditEntry
from backend.models.database import QueryTimeout, database
from backend.models.feed import FeedChange
from backend.models.role import ADMIN
from backend.models.user import UserRole
from backend.services.definitions.definition import Definition
from backend.services.definitions.names import is_reserved_field, is_reserved_resource
from backend.services.definitions.stored import load_definitions
from backend.services.health.check import FAILURE, OK, WARNING, Check
from backend.services.operation.slow_lists import index_advice
from backend.utils.clock import utcnow

MIN_SQLITE_VERSION = (3, 51, 3)  # older versions may lose a commit when the WAL file is reset
MIN_POSTGRES_VERSION = 14
MAX_ADVICE = 5  # indexes that are proposed
MAX_CLOCK_DIFFERENCE_SECONDS = 5
MAX_FEED_LAG_SECONDS = 60


def run_checks(settings: Settings, damage_seconds: float | None) -> list[Check]:
    """Check the database's version and settings, the clock, the admins, the names in use, and slow lists."""
    version = _check_sqlite(settings, damage_seconds) if database.name == "sqlite" else _check_postgres()
    definitions = [*load_definitions().values()]
    return [
        version,
        _check_clock(),
        _check_admin(),
        _check_names(definitions),
        _check_feed(),
        *_check_lists(definitions),
    ]


def _check_sqlite(settings: Settings, damage_seconds: float | None) -> Check:
    version = _read("SELECT sqlite_version()")
    pragmas = {name: _read(f"PRAGMA {name}") for name in ("journal_mode", "foreign_keys")}
    pragmas["synchronous"] = settings.sqlite_synchronous
    message = f"SQLite {version}, {', '.join(f'{name}={value}' for name, value in pragmas.items())}."
    if tuple(map(int, version.split("."))) < MIN_SQLITE_VERSION:
        advice = "Install the version in requirements.lock: this one may lose a commit."
        return Check("version", FAILURE, message, advice)
    if pragmas["journal_mode"] != "wal" or pragmas["foreign_keys"] != "1":
        return Check("version", FAILURE, message, "Keep the file on a local disk, not on a network disk.")
    damage = _find_damage(damage_seconds)
    if damage is None:
        advice = "Run `flask doctor` on the machine, which has no time limit."
        return Check("version", WARNING, f"{message} Damage was not looked for to the end: the file is large.", advice)
    if damage != "ok":
        return Check("version", FAILURE, f"The file is damaged: {damage}", "Restore the latest intact backup.")
    if settings.sqlite_synchronous != "full":
        advice = "Set LARDER_SQLITE_SYNCHRONOUS=full, unless a power cut may lose the last seconds."
        return Check("version", WARNING, message, advice)
    return Check("version", OK, message)


def _find_damage(seconds: float | None) -> str | None:
    """Return the first damage of the file, or "ok"; None if looking for it takes longer."""
    try:
        with database.time_limit(seconds):
            return _read("PRAGMA quick_check(1)")
    except QueryTimeout:
        return None


def _check_postgres() -> Check:
    version = _read("SHOW server_version")
    message, major = f"Postgres {version}.", int(re.split(r"\D", version)[0])
    if major < MIN_POSTGRES_VERSION:
        return Check("version", WARNING, message, f"Larder is tested with Postgres {MIN_POSTGRES_VERSION} and later.")
    if missing := [name for name in ("pg_dump", "pg_restore", "psql") if shutil.which(name) is None]:
        advice = "apt-get install postgresql-client, as new as the server: backups need it."
        return Check("version", WARNING, f"{message} Missing: {', '.join(missing)}.", advice)
    client = _version_of_pg_dump()
    if client < major:
        advice = f"Install postgresql-client-{major}, from apt.postgresql.org if need be: backups fail until then."
        return Check("version", WARNING, f"{message} Its backups need a pg_dump of {major}, not of {client}.", advice)
    return Check("version", OK, message)


def _version_of_pg_dump() -> int:
    """Return the major version of the program that makes backups, or 0 if it does not say it."""
    shown = subprocess.run(["pg_dump", "--version"], capture_output=True, text=True, errors="replace").stdout
    found = re.search(r"\d+", shown)  # pg_dump (PostgreSQL) 17.2 (Debian 17.2-1.pgdg12+1)
    return int(found[0]) if found else 0


def _read(sql: str) -> str:
    """Return the only value of a query, as text."""
    return str(database.execute_sql(sql).fetchone()[0])


def _check_clock() -> Check:
    """Compare this clock with the latest entry of the audit trail, and with the clock of the database server."""
    now = utcnow()
    latest = AuditEntry.select(AuditEntry.created_at).order_by(AuditEntry.id.desc()).limit(1).scalar()
    seconds_behind = (latest - now).total_seconds() if latest else 0
    seconds_off = max(seconds_behind, database.seconds_apart())
    if seconds_off > MAX_CLOCK_DIFFERENCE_SECONDS:
        advice = "Synchronise the clock (timedatectl set-ntp true): tokens and ids depend on it."
        return Check("clock", FAILURE, f"This clock is {seconds_off:.0f} s off.", advice)
    return Check("clock", OK, f"It is {now:%Y-%m-%d %H:%M:%S} UTC.")


def _check_admin() -> Check:
    if not UserRole.anyone_has(ADMIN):
        advice = "flask users promote EMAIL, or flask users create EMAIL --admin"
        return Check("admin", WARNING, "No user is an admin.", advice)
    return Check("admin", OK, "There is an admin.")


def _check_lists(definitions: Sequence[Definition]) -> list[Check]:
    """Look for slow lists that an index would serve, as the servers of this machine have counted them."""
    if advice := index_advice(definitions)[:MAX_ADVICE]:
        return [Check("lists", WARNING, each.message, each.advice) for each in advice]
    return [Check("lists", OK, "No slow list lacks an index.")]


def _check_feed() -> Check:
    """Look for an open transaction that holds back the feed of changes."""
    seconds = FeedChange.seconds_behind()
    if seconds > MAX_FEED_LAG_SECONDS:
        message = f"The feed of changes is {seconds:,.0f} seconds behind: a transaction has been open for as long."
        advice = "Look for it in pg_stat_activity, by the oldest xact_start; it may belong to another database."
        return Check("feed", WARNING, message, advice)
    return Check("feed", OK, "Readers of the feed of changes see all changes.")


def _check_names(definitions: Sequence[Definition]) -> Check:
    """Look for names of resources and fields that a later version has reserved."""
    reserved = [definition.name for definition in definitions if is_reserved_resource(definition.name)]
    for definition in definitions:
        reserved += [f"{definition.name}.{name}" for name in definition.fields if is_reserved_field(name)]
    if reserved:
        advice = "Rename them with renamed_from: until then some requests may fail."
        return Check("names", WARNING, f"Reserved names are in use: {', '.join(reserved)}.", advice)
    return Check("names", OK, "No resource and no field has a reserved name.")
