"""Names that no resource and no field can have, on either database, so that definitions move between them."""

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
    # No paths, but other parts of the document.
    *("root", "swagger_ui", "user_settings", "recovery", "account"),
    # A table of one of these names would take the place of what is written like a table in a statement: SQLite's
    # functions that return rows, the row that an upsert brings, and the schema of Postgres.
    *("bytecode", "carray", "dbstat", "excluded", "generate_series", "geopoly", "information_schema", "tables_used"),
    *("larder", "sqlite"),
}
RESERVED_PREFIXES = (
    *("larder_", "ix_", "uq_"),  # tables of the system, and indexes
    *("sqlite_", "pg_", "pragma_"),  # tables of the databases, and functions of SQLite that return rows; so are these:
    *("json_", "jsonb_", "fts3", "fts4", "fts5", "rtree"),
)
RESERVED_SUFFIX = "_pkey"  # Postgres keeps indexes among the tables, and calls that of a primary key so


def is_reserved_resource(name: str) -> bool:
    """Tell whether no new resource can have this name."""
    return name in RESERVED_RESOURCES or name.startswith(RESERVED_PREFIXES) or name.endswith(RESERVED_SUFFIX)


def is_reserved_field(name: str) -> bool:
    """Tell whether no new field can have this name."""
    return name in RESERVED_FIELDS
