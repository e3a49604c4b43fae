"""The database schema as a page of documentation, drawn from the models."""

import inspect

from peewee import CompositeKey

from backend.models import base
from backend.models.database import DIALECTS


def draw():
    """Return docs/schema.md: a diagram, and each system table with its columns on both databases."""
    models = sorted(_models(base.BaseModel), key=lambda model: model._meta.table_name)
    return "\n".join([HEAD, "```mermaid", "erDiagram", *_diagram(models), "```", *map(_section, models), TAIL])


def _models(model):
    for each in model.__subclasses__():
        if each.__module__.startswith("backend.models.") and each._meta.table_name.startswith("larder_"):
            yield each
        yield from _models(each)


def _diagram(models):
    for model in models:
        for field in model._meta.sorted_fields:
            for constraint in field.constraints or ():
                if constraint.sql.startswith("REFERENCES"):
                    target = constraint.sql.split()[1]
                    one = "|o" if field.null else "||"
                    yield f"    {target} {one}--o{{ {model._meta.table_name} : {field.column_name}"


def _section(model):
    meta = model._meta
    key = meta.primary_key.field_names if isinstance(meta.primary_key, CompositeKey) else [meta.primary_key.name]
    lines = [
        "",
        f"## {meta.table_name}",
        "",
        inspect.getdoc(model),
        "",
        "| column | SQLite | Postgres | |",
        "|---|---|---|---|",
    ]
    for field in meta.sorted_fields:
        types = [dialect.column_type(field).partition(" COLLATE")[0] for dialect in DIALECTS]
        notes = [*(["key"] if field.name in key else []), *([] if field.null else ["not null"])]
        notes += ["unique"] if field.unique else ["index"] if field.index else []
        notes += [f"`{each.sql}`" for each in field.constraints or ()]
        lines.append(f"| `{field.column_name}` | {' | '.join(types)} | {', '.join(notes)} |")
    for columns, is_unique in meta.indexes:
        lines.append(f"\n{'Unique' if is_unique else 'Index'}: {', '.join(columns)}")
    return "\n".join(lines)


HEAD = """# The database schema

The system tables, drawn from the models by `flask db diagram`. The migrations in `backend/models/migrations/` create
them.
"""
TAIL = """
## The table of a resource

Each resource has a table of the same name, made from its definition. Its first columns are `id` (UUIDv7, primary
key), `created_at`, `updated_at`, `created_by` (a user, or null) and `version`. Then comes a column for each
field:

| type | SQLite | Postgres |
|---|---|---|
| string, text, email, url, enum | TEXT | TEXT COLLATE "C" |
| integer | INTEGER | BIGINT |
| number | REAL | DOUBLE PRECISION |
| decimal | INTEGER, of its smallest unit | NUMERIC |
| boolean | INTEGER, 0 or 1 | BOOLEAN |
| date, datetime | TEXT | DATE, TIMESTAMPTZ |
| uuid, reference | TEXT | UUID |
| json | TEXT | JSON |

If the definition has `search`, a second table holds the words of the searched fields, with an index: FTS5 on SQLite,
TSVECTOR and GIN on Postgres.
"""
