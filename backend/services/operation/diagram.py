"""The database schema as a page of documentation, drawn from the models."""

import inspect
from collections.abc import Iterable, Iterator

from peewee import CompositeKey, Field

from backend.models.base import BaseModel, system_models
from backend.models.database import DIALECTS


def draw() -> str:
    """Return docs/schema.md: a diagram, and each system table with its columns on both databases."""
    models = system_models()
    return "\n".join([HEAD, "```mermaid", "erDiagram", *_relations(models), "```", *map(_section, models), TAIL])


def _relations(models: Iterable[type[BaseModel]]) -> Iterator[str]:
    """Yield a line of the diagram for each foreign key."""
    for model in models:
        for field in model._meta.sorted_fields:
            for constraint in field.constraints or ():
                if constraint.sql.startswith("REFERENCES"):
                    target = constraint.sql.split()[1]
                    cardinality = "|o" if field.null else "||"
                    yield f"    {target} {cardinality}--o{{ {model._meta.table_name} : {field.column_name}"


def _section(model: type[BaseModel]) -> str:
    """Return the section of a table: its name, purpose, columns and indexes."""
    meta = model._meta
    lines = ["", f"## {meta.table_name}", "", inspect.getdoc(model) or "", ""]
    lines += ["| column | SQLite | Postgres | |", "|---|---|---|---|"]
    lines += [_row(field, field.name in _key_names(model)) for field in meta.sorted_fields]
    for columns, is_unique in meta.indexes:
        lines.append(f"\n{'Unique' if is_unique else 'Index'}: {', '.join(columns)}")
    return "\n".join(lines)


def _key_names(model: type[BaseModel]) -> list[str]:
    key = model._meta.primary_key
    if isinstance(key, CompositeKey):
        return list(key.field_names)
    return [key.name] if key else []


def _row(field: Field, is_key: bool) -> str:
    types = [dialect.column_type(field).partition(" COLLATE")[0] for dialect in DIALECTS]
    notes = [*(["key"] if is_key else []), *([] if field.null else ["not null"])]
    notes += ["unique"] if field.unique else ["index"] if field.index else []
    notes += [f"`{constraint.sql}`" for constraint in field.constraints or ()]
    return f"| `{field.column_name}` | {' | '.join(types)} | {', '.join(notes)} |"


HEAD = """# The database schema

The system tables, drawn from the models by `make schema`. The migrations in `backend/models/migrations/` create
them.
"""
TAIL = """
## The table of a resource

Each resource has a table of the same name, made from its definition. Its first columns are `id` (UUIDv7, primary
key), `created_at`, `updated_at`, `created_by` (a user, or null) and `version`. Then comes a column for each
field. A reference has a foreign key to the table of its target, `larder_users` for `to: users`; a file has one to
`larder_files`:

| type | SQLite | Postgres |
|---|---|---|
| string, text, email, url, enum | TEXT | TEXT COLLATE "C" |
| integer, sequence | INTEGER | BIGINT |
| number | REAL | DOUBLE PRECISION |
| decimal | INTEGER, of its smallest unit; TEXT beyond 18 digits | NUMERIC |
| boolean | INTEGER, 0 or 1 | BOOLEAN |
| date, time, datetime | TEXT | DATE, TIME, TIMESTAMPTZ |
| uuid, reference, file | TEXT | UUID |
| json, list | TEXT | JSON |

A field of the type `references` has no column, but a junction table: `record`, `target` and `place`, with foreign keys
that delete a row with either end, and an index for each direction.

If the definition has `search`, a second table holds the words of the searched fields, with an index: FTS5 on SQLite,
TSVECTOR and GIN on Postgres.
"""
