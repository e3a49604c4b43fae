"""Names of resources and fields: their form, and those that are reserved.

The same names are reserved on both databases, so that definitions move between them.
"""

import re

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_SHOWN = 80  # characters of a wrong name in a message

SYSTEM_FIELD_NAMES = ("id", "created_at", "updated_at", "created_by", "version")
RESERVED_FIELDS = {
    *SYSTEM_FIELD_NAMES,
    *("sort", "page", "per_page", "cursor", "count", "fields", "expand", "q"),
    *("group_by", "sum", "avg", "min", "max", "format", "mode", "key", "dry_run", "confirm"),
    *("ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"),  # columns that every table of Postgres has already
}
RESERVED_RESOURCES = {
    *("auth", "users", "roles", "sessions", "api_keys", "invitations", "resources", "records", "batch", "audit"),
    *("backups", "settings", "files", "jobs", "webhooks", "changes", "health", "metrics", "openapi", "docs", "admin"),
    # Not paths, but other parts of the OpenAPI document.
    *("root", "swagger_ui", "user_settings", "recovery", "account"),
    # A table of one of these names would shadow what a statement refers to like a table: functions of SQLite that
    # return rows, the row that an upsert inserts, and the schema of Postgres.
    *("bytecode", "carray", "dbstat", "excluded", "generate_series", "geopoly", "information_schema", "tables_used"),
    *("larder", "sqlite"),
}
RESERVED_PREFIXES = (
    *("larder_", "ix_", "uq_"),  # tables of the system, and indexes
    *("sqlite_", "pg_", "pragma_"),  # tables of the databases, and functions of SQLite that return rows, as these do:
    *("json_", "jsonb_", "fts3", "fts4", "fts5", "rtree"),
)
RESERVED_SUFFIX = "_pkey"  # Postgres keeps indexes among the tables, and names that of a primary key so


def is_reserved_resource(name: str) -> bool:
    """Tell whether no new resource can have this name."""
    return name in RESERVED_RESOURCES or name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIX)


def is_reserved_field(name: str) -> bool:
    """Tell whether no new field can have this name."""
    return name in RESERVED_FIELDS


def name_problem(name: str, is_reserved: bool) -> str | None:
    """Return what is wrong with a name, or None."""
    if not NAME.fullmatch(name):
        return "A name has 1 to 63 lower-case letters, digits and underscores, and starts with a letter."
    if "__" in name:
        return "A name has no double underscore, which separates a field from its filter."
    if is_reserved:
        return f"The name {name} is reserved."
    return None


def shown_name(name: object) -> str:
    """Return a name that may be wrong for a message: cut, and without what UTF-8 cannot encode."""
    return str(name)[:MAX_SHOWN].encode(errors="replace").decode()
