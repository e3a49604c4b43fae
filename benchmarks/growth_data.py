"""The records that benchmarks/growth.py measures: how they are declared, and SQL that makes many of them fast."""

from backend.models.database import database
from backend.services.definitions.catalog import Catalogs
from backend.services.definitions.indexes import create_indexes, drop_indexes, indexes_of
from backend.services.storage.full_text import table_names

CATEGORIES = 20
ROWS_AT_ONCE = 100_000
LISTED = {"list": ["owner", "editor"], "read": ["member"], "create": ["member"], "update": ["member"]}
RESOURCES = {
    "categories": {"fields": {"name": {"type": "string", "required": True}}, "access": LISTED | {"list": ["member"]}},
    "items": {
        "fields": {
            "title": {"type": "string", "required": True},
            "text": {"type": "text", "max_length": 2_000},
            "priority": {"type": "integer", "index": True},
            "level": {"type": "integer", "required": True, "index": True},
            "created": {"type": "datetime", "required": True, "index": True},
            "due": {"type": "datetime", "index": True},
            "code": {"type": "string", "required": True, "unique": True},
            "alias": {"type": "string", "unique": True},
            "category": {"type": "reference", "to": "categories"},
            "price": {"type": "decimal"},
            "weight": {"type": "integer", "required": True},
        },
        "search": ["title"],
        "indexes": [["priority", "-created"], ["category", "created"]],
        "access": LISTED,
    },
}
TITLE = "CASE WHEN n % 2 = 0 THEN 'harbour ' ELSE 'market ' END || 'note w' || (n % 1000) || 'x n' || n"


def fill(rows, owner, other, categories):
    """Insert so many items, half of them of `owner` and half of `other`, with their words, indexes and statistics.

    The indexes are dropped meanwhile: an index that is built at once takes a fraction of the time.
    """
    items = Catalogs(["a key that signs nothing that stays"]).newest["items"]
    drop_indexes(indexes_of(items.definition))
    columns = _columns(owner, other, categories)
    for start in range(0, rows, ROWS_AT_ONCE):
        numbers = _numbers(start + 1, min(start + ROWS_AT_ONCE, rows))
        query = f"SELECT {', '.join(columns.values())} FROM ({numbers}) AS numbers"
        if database.name == "postgres":
            query = query.replace("%", "%%")  # its driver reads a single one as a parameter
        database.execute_sql(f"INSERT INTO items ({', '.join(columns)}) {query}")
    create_indexes(items.definition)
    # The titles are in the form of words already: no text must be split here.
    database.execute_sql(f'INSERT INTO "{table_names("items")[0]}" (id, c0) SELECT id, title FROM items ORDER BY id')
    database.execute_sql("ANALYZE")


def _columns(owner, other, categories):
    is_postgres = database.name == "postgres"
    kind = "::uuid" if is_postgres else ""
    # A permutation of the numbers, so that the order of the values is not that of the ids.
    mixed = "(n * 7919 % 1000003)"
    if is_postgres:
        key = "('01970000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid"
        moment = "timestamptz '2020-01-01T00:00:00Z' + {} * interval '1 minute'"
    else:
        key = "printf('01970000-0000-7000-8000-%012x', n)"
        moment = "strftime('%Y-%m-%dT%H:%M:%S.000000Z', 1577836800 + {} * 60, 'unixepoch')"
    chosen = " ".join(f"WHEN {i} THEN '{each}'{kind}" for i, each in enumerate(categories))
    return {
        "id": key,
        "created_at": moment.format("n / 10"),
        "updated_at": moment.format("n / 10"),
        "created_by": f"CASE WHEN n % 2 = 0 THEN '{owner}'{kind} ELSE '{other}'{kind} END",
        "version": "1",
        "title": TITLE,
        "text": "'A text of some length, as a note has it, number ' || n",
        "priority": "CASE WHEN n % 3 = 0 THEN NULL ELSE n / 2 % 10 END",
        "level": "n / 4 % 10",
        "created": moment.format(mixed),
        "due": f"CASE WHEN n % 5 = 0 THEN NULL ELSE {moment.format(mixed)} END",
        "code": f"'code ' || {mixed}",
        "alias": "CASE WHEN n % 4 = 0 THEN NULL ELSE 'alias ' || n END",
        "category": f"CASE n % {len(categories)} {chosen} END",
        "price": "n % 10000",
        "weight": f"{mixed} % 100000",
    }


def _numbers(first, last):
    if database.name == "postgres":
        return f"SELECT generate_series({first}::bigint, {last}) AS n"
    return f"WITH RECURSIVE s(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM s WHERE n < {last}) SELECT n FROM s"
