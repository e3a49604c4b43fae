"""The form of the names of resources and fields, and the reserved names.

The same names are reserved for both databases, so that a definition is valid on both.
"""

import re

from backend.utils.problems import Problem

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_SHOWN = 80  # characters of an invalid name in a message

SYSTEM_FIELD_NAMES = ("id", "created_at", "updated_at", "created_by", "version")
RESERVED_FIELDS = {
    *SYSTEM_FIELD_NAMES,
    *("sort", "page", "per_page", "cursor", "count", "fields", "expand", "q", "where"),
    *("any", "all", "not"),  # words of `where`
    *("group_by", "sum", "avg", "min", "max", "count_distinct", "having"),
    *("format", "columns", "delimiter", "mode", "key", "dry_run", "confirm", "upsert"),
    *("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"),  # system columns of every table on Postgres
}
RECORD_PATHS = {"history"}  # below the path of a record, where each of its files has one
RESERVED_RESOURCES = {
    *("auth", "users", "roles", "sessions", "api_keys", "invitations", "resources", "records", "batch", "audit"),
    *(
        "backups",
        "settings",
        "directory",
        "files",
        "jobs",
        "mails",
        "webhooks",
        "changes",
        "health",
        "metrics",
        "openapi",
        "docs",
        "admin",
        "schema",
    ),
    # Not paths, but names of blueprints and of other parts of the OpenAPI document.
    *("root", "swagger_ui", "user_settings", "recovery", "account", "webhook_deliveries"),
    # A table with one of these names would shadow what a statement can refer to like a table: table-valued functions
    # of SQLite, the row that an upsert inserts, and a schema of Postgres.
    *("bytecode", "carray", "dbstat", "excluded", "generate_series", "geopoly", "information_schema", "tables_used"),
    *("larder", "sqlite"),
}
RESERVED_PREFIXES = (
    *("larder_", "ix_", "uq_"),  # tables of the system, and indexes
    *("sqlite_", "pg_", "pragma_"),  # tables of the databases, and table-valued functions of SQLite, as the next ones:
    *("json_", "jsonb_", "fts3", "fts4", "fts5", "rtree"),
)
RESERVED_SUFFIX = "_pkey"  # Postgres names the index of a primary key so, and indexes share the names of tables


def is_reserved_resource(name: str) -> bool:
    """Return whether a new resource cannot have this name."""
    return name in RESERVED_RESOURCES or name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIX)


def is_reserved_field(name: str) -> bool:
    """Return whether a new field cannot have this name."""
    return name in RESERVED_FIELDS


def name_problem(name: str, is_reserved: bool) -> Problem | None:
    """Return the error in a name, or None."""
    if not NAME.fullmatch(name):
        text = "A name has 1 to 63 lower-case letters, digits and underscores, and starts with a letter."
        return Problem("bad_format", text, pattern=NAME.pattern)
    if "__" in name:
        text = "A name has no double underscore, which separates a field from its filter."
        return Problem("bad_format", text)
    if is_reserved:
        return Problem("reserved", f"The name {name} is reserved.")
    return None


def shown_name(name: object) -> str:
    """Return any name in a form for messages: shortened, and with characters that UTF-8 cannot encode replaced."""
    return str(name)[:MAX_SHOWN].encode(errors="replace").decode()
