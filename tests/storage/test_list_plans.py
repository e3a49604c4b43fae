"""What lists cost: the plans of the databases, which must read a range of an index, at every depth."""

import pytest

from backend.models.database import database
from backend.models.links import links_table
from backend.models.records import index_name
from backend.services.definitions.indexes import drop_indexes, indexes_of
from backend.services.definitions.stored import load_definitions
from backend.services.operation import migrations

ROWS = 20_000
FIELDS = {
    "title": {"type": "string", "required": True},
    "rank": {"type": "integer", "index": True},
    "made": {"type": "datetime", "required": True, "index": True},
    "code": {"type": "string", "unique": True},
    "label": {"type": "string", "unique": True, "ignore_case": True},
    "word": {"type": "string", "required": True, "index": True, "ignore_case": True},
    "topic": {"type": "reference", "to": "topics"},
    "kind": {"type": "integer", "required": True},
    "rare": {"type": "boolean", "required": True},
    "tags": {"type": "list", "of": "string", "index": True},
    "marks": {"type": "references", "to": "marks"},
}
INDEXES = [
    *(["topic", "rank"], ["kind", "-title"], ["-kind", "created_at", "title"]),
    {"fields": ["-title"], "where": {"rare": True}},
    {"fields": ["kind", "title"], "where": {"code": {"isnull": False}, "kind": {"in": [1, 2]}, "rare": True}},
]
ACCESS = {"list": ["owner", "editor"], "read": ["owner"], "create": ["member"]}
SORTS = [
    "id",
    "-id",
    "rank",
    "-rank",
    "rank,id",
    "made",
    "-made",
    "code",
    "-code",
    "label",
    "-word",
    "created_at",
    "-updated_at",
]
MIXED = ["kind,-title", "-kind,title", "-kind,created_at,title", "kind,-created_at,-title"]  # served in both directions
MOST_READ = 1_000  # a page has 20 records, and each of them is met in several steps


def fill(alice, bob, topic):
    """Make 20,000 notes, half of them of alice and half of bob, half of either half in the topic."""
    if database.name == "postgres":
        key, kind = "('01970000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid", "::uuid"
        moment, numbers = "to_timestamp(mod(n, 5000))", f"SELECT generate_series(1, {ROWS}) AS n"
    else:
        key, kind = "printf('01970000-0000-7000-8000-%012x', n)", ""
        moment = "printf('2026-01-01T00:%02d:%02d.000000Z', mod(n, 5000) / 60, mod(n, 60))"
        numbers = f"WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {ROWS}) SELECT n FROM s"
    columns = {
        "id": key,
        **dict.fromkeys(("created_at", "updated_at", "made"), moment),
        "created_by": f"CASE WHEN mod(n, 2) = 0 THEN '{alice.id}'{kind} ELSE '{bob.id}'{kind} END",
        "version": "1",
        "title": "'Note ' || n",
        "rank": "CASE WHEN mod(n, 3) = 0 THEN NULL ELSE mod(n / 2, 10) END",
        "code": "CASE WHEN mod(n, 5) = 0 THEN NULL ELSE 'code ' || n END",
        "kind": "mod(n / 2, 3)",
        "rare": "mod(n, 100) < 2" if database.name == "postgres" else "CASE WHEN mod(n, 100) < 2 THEN 1 ELSE 0 END",
        "label": "CASE WHEN mod(n, 5) = 0 THEN NULL ELSE 'Label ' || n END",
        "word": "CASE WHEN mod(n, 2) = 0 THEN 'KIND ' ELSE 'Kind ' END || (n - n / 700 * 700)",
        "tags": f"""{"(" * bool(kind)}'["all","t' || (n - n / 500 * 500) || '"]'{")::json" * bool(kind)}""",
        "topic": f"CASE WHEN mod(n, 4) < 2 THEN '{topic}'{kind} END",
    }
    with database.connection_context():
        database.execute_sql(
            f"INSERT INTO notes ({', '.join(columns)}) SELECT {', '.join(columns.values())} FROM ({numbers}) AS numbers"
        )
        database.gather_statistics()


@pytest.fixture
def topic(admin, alice, bob):
    """The id of a topic; there are notes, half of which refer to it."""
    for name in ("topics", "marks"):
        admin.declare(name, {"name": {"type": "string"}}, access={"list": ["member"], "read": ["member"]})
    admin.declare("notes", FIELDS, indexes=INDEXES, access=ACCESS)
    made = admin.make("topics", name="Tea")["id"]
    fill(alice, bob, made)
    return made


@pytest.fixture
def statements(monkeypatch):
    """The statements that are run, with their values."""
    kept, fetch_all = [], type(database.obj).fetch_all

    def keep_and_fetch(self, sql, params, *options):
        kept.append((sql, params))
        return fetch_all(self, sql, params, *options)

    monkeypatch.setattr(type(database.obj), "fetch_all", keep_and_fetch)
    return kept


def work(sql, params):
    """Return how much a statement does: the rows that Postgres reads, the hundreds of steps that SQLite takes."""
    with database.connection_context():
        if database.name == "postgres":
            ((plan,),) = database.execute_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}", params).fetchall()
            return sum(_rows_read(node) for node in _nodes(plan[0]["Plan"]))
        steps, connection = [], database.connection()
        connection.progress(lambda: steps.append(1) or 0, 100)
        try:
            database.execute_sql(sql, params).fetchall()
        finally:
            connection.progress(None, 100)
        return len(steps)


def plan_of(sql, params):
    """Return the plan of a statement as a text."""
    explain = "EXPLAIN " if database.name == "postgres" else "EXPLAIN QUERY PLAN "
    with database.connection_context():
        return str(database.execute_sql(explain + sql, params).fetchall())


def _nodes(plan):
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


def _rows_read(node):
    lost = sum(node.get(f"Rows Removed by {what}", 0) for what in ("Filter", "Join Filter", "Index Recheck"))
    return (node["Actual Rows"] + lost) * node["Actual Loops"]


def read_page(person, path, statements):
    """Return the cursor of the next page of notes; assert that listing this one does little."""
    statements.clear()
    answer = person.get(path)
    assert answer.status_code == 200, answer.json
    listed = [each for each in statements if 'FROM "notes"' in each[0]]
    assert listed
    for sql, params in listed:
        assert "ANY(" not in plan_of(sql, params), (path, sql)  # through an index by its second column
        assert (done := work(sql, params)) <= MOST_READ, (person.name, path, done, sql)
    return answer.json.get("meta", {}).get("next_cursor")


def test_a_sort_reads_a_range_of_an_index_at_every_depth(topic, alice, edith, statements):
    """With ties and nulls, in both directions, with filters, for an owner; the first page, and by cursor far behind."""
    sorted_by = [f"sort={sort}" for sort in (*SORTS, *MIXED)]
    filtered = [f"{each}{sort}" for each in (f"topic={topic}", "rank=3") for sort in ("", "&sort=-id")]
    for person in (edith, alice):
        for query in [*sorted_by, *filtered, f"topic={topic}&sort=rank", f"topic={topic}&sort=-rank"]:
            path = f"/notes?count=false&fields=id&{query}"
            read_page(person, path, statements)
            for number in (150, 450, 900):  # going there by number may cost what it does
                if cursor := person.get(f"{path}&page={number}").json["meta"]["next_cursor"]:
                    read_page(person, f"{path}&cursor={cursor}", statements)


def test_a_comparison_that_ignores_case_reads_a_range_of_an_index(topic, edith, statements):
    """The unique index, and one that is not unique."""
    for query in (
        "label=LABEL%20501",
        "label__in=lABEL%207,LAbel%208",
        "label__startswith=LABEL%20123",
        "word=kInd%205",
    ):
        read_page(edith, f"/notes?fields=id&{query}", statements)
    assert edith.get("/notes?label__in=lABEL%207,LAbel%208").json["meta"]["total"] == 2
    assert edith.get("/notes?word=kInd%205").json["meta"]["total"] == 29


def test_a_list_has_an_index_on_postgres(topic, edith, statements):
    for query, total in (("tags__has=t7", 40), ("tags__has_any=t7,t8", 80), ("tags__has_all=all,t9", 40)):
        if database.name == "postgres":
            read_page(edith, f"/notes?fields=id&count=false&{query}", statements)
        assert edith.get(f"/notes?fields=id&{query}").json["meta"]["total"] == total


def test_an_upgrade_brings_the_indexes_of_this_version(topic, edith, statements):
    """As a version had them that made indexes without `id`, and none that nobody had declared."""
    with database.connection_context():
        definition = load_definitions()["notes"]
        there = database.index_names()
        drop_indexes(name for name, index in indexes_of(definition).items() if not index.is_unique)
        for each in definition.index_sets():
            if definition.lists.isdisjoint(each.fields):
                name = index_name("notes", each.terms, unique=False)
                database.execute_sql(f'CREATE INDEX "{name}" ON "notes" ({", ".join(each.fields)})')
    migrations.upgrade()
    with database.connection_context():
        assert database.index_names() == there
    read_page(edith, "/notes?count=false&fields=id&sort=-rank", statements)


def test_referring_records_are_read_from_a_range_of_an_index(topic, alice, edith, statements):
    """However many there are; under an owner's rule as well."""
    for person in (edith, alice):
        for path in (
            "/topics?expand=notes",
            f"/topics/{topic}?expand=notes",
            f"/topics?id={topic}&expand=notes__topic",
            "/topics?expand=notes&expand.notes.sort=rank",
            f"/topics/{topic}?expand=notes&expand.notes.sort=-rank&expand.notes.fields=title",
            "/topics?expand=notes&expand.notes.sort=-id&expand.notes.per_page=5",
        ):
            read_page(person, path, statements)


def test_links_are_read_from_a_range_of_an_index(topic, admin, alice, edith, statements):
    """In both directions, of a mark that every note has and of one that few have; under an owner's rule as well."""
    rare, common = (admin.make("marks", name=name)["id"] for name in ("rare", "common"))
    kind = "::uuid" if database.name == "postgres" else ""
    table = links_table("notes", "marks")
    with database.connection_context():
        for mark, condition in ((common, ""), (rare, " WHERE substr(title, 9) = '777'")):
            notes = f"SELECT id, '{mark}'{kind}, 0 FROM notes{condition}"
            database.execute_sql(f'INSERT INTO "{table}" (record, target, place) {notes}')
        database.gather_statistics()
    for person in (edith, alice):
        for path in (
            f"/notes?count=false&fields=marks&marks__any={rare}",
            f"/notes?count=false&fields=marks&marks__all={rare},{common}&sort=-id",
            "/marks?expand=notes",
            f"/marks/{common}?expand=notes&expand.notes.sort=-id&expand.notes.per_page=5",
        ):
            read_page(person, path, statements)


def test_an_index_with_a_rule_serves_the_lists_that_ask_for_it(topic, edith, statements):
    """As a filter and in a `where`; the other rows, here 98 of 100, are not in it."""
    rare = '{"all": [{"rare": true}, {"title": {"gte": "Note"}}]}'
    for query in ("rare=true&sort=-title", "rare=true&sort=title", f"where={rare}&sort=-title"):
        assert read_page(edith, f"/notes?count=false&fields=id&{query}&per_page=5", statements)
        assert names_of_indexes(statements) == {rule_index(["-title"])}
    query = "rare=true&kind__in=1,2&code__isnull=false&kind=1&sort=title&per_page=5"
    assert read_page(edith, f"/notes?count=false&fields=id&{query}", statements)
    for query in ("rare=false&sort=-title", "rare__ne=true&sort=-title"):
        statements.clear()
        assert edith.get(f"/notes?count=false&fields=id&{query}&per_page=5").status_code == 200
        assert rule_index(["-title"]) not in names_of_indexes(statements)


def rule_index(terms):
    """Return the name of the index with a rule on these terms."""
    indexes = indexes_of(load_definitions()["notes"])
    (name,) = [name for name, index in indexes.items() if index.condition and list(index.field_set.terms[:-1]) == terms]
    return name


def names_of_indexes(statements):
    """Return the names of the indexes with a rule that the plans of these statements use."""
    plans = [plan_of(sql, params) for sql, params in statements if 'FROM "notes"' in sql]
    with database.connection_context():
        ruled = [name for name, index in indexes_of(load_definitions()["notes"]).items() if index.condition]
    return {name for name in ruled if any(name in plan for plan in plans)}
