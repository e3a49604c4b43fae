"""Databases of earlier versions keep their content when they are migrated."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta

from playhouse.migrations import Runner

from backend import create_app
from backend.models.database import database
from backend.models.session import Session
from backend.models.user import User
from backend.services.access.actors import SYSTEM
from backend.services.accounts import sign_in, users
from backend.services.operation import migrations
from backend.utils.clock import utcnow
from backend.utils.ids import uuid7
from tests.conftest import PASSWORD, Person


def test_a_database_of_the_first_version_keeps_its_rows(empty):
    first = Runner(database.obj, directory=str(migrations.FOLDER), table_name=migrations.HISTORY_TABLE)
    user, session, day = "01900000-0000-7000-8000-000000000001", "01900000-0000-7000-8000-000000000002", "2026-01-02"
    moment = f"{day}T03:04:05.000006Z"
    with database.connection_context():
        first.up("0001_initial")
        for statement in (
            f"INSERT INTO larder_users VALUES ('{user}', '{moment}', 'a@example.com', 'A', 'hash', {{true}}, "
            f"'{moment}')",
            f"INSERT INTO larder_user_roles VALUES ('{user}', 'admin')",
            f"INSERT INTO larder_sessions VALUES ('{session}', '{moment}', '{user}', '{session}', 'curl', '::1', "
            f"'{moment}', '{moment}', NULL)",
        ):
            database.execute_sql(statement.format(true="1" if empty.database_url.startswith("sqlite") else "true"))
    applied = migrations.upgrade()
    with database.connection_context():
        assert applied == [migration.name for migration in migrations.migration_status()][1:]
        kept, login = User.get(), Session.get()
        assert (kept.id, kept.email, kept.roles()) == (user, "a@example.com", ["admin"])
        assert kept.verified_at == kept.created_at == datetime.fromisoformat(moment)
        assert (login.id, login.user_agent, login.ended_at, login.rotated_at) == (session, "curl", None, None)


def test_what_was_searched_before_is_still_found(empty):
    """The words of 0005_history and before, as a resource had them then."""
    migrations.upgrade()
    sign_in.create_first_admin(replace(empty, admin_email="admin@example.com", admin_password=PASSWORD))
    admin = Person(create_app(empty), "admin")
    admin.declare("notes", {"title": {"type": "string"}, "text": {"type": "string"}}, search=["title", "text"])
    made = admin.make("notes", title="Milk and milk", text="Ünder")
    if database.obj.alters_columns:
        with database.connection_context():
            ((table,),) = database.execute_sql(
                "SELECT tablename FROM pg_tables WHERE tablename LIKE 'larder_words_%%'"
            ).fetchall()
            terms = table.replace("words", "terms", 1)
            database.execute_sql(f'DROP INDEX "{terms}"')
            for name in ("c0", "c1"):
                database.execute_sql(
                    f'ALTER TABLE "{table}" ALTER COLUMN {name} DROP DEFAULT,'
                    f" ALTER COLUMN {name} TYPE TSVECTOR USING to_tsvector('simple', {name}),"
                    f" ALTER COLUMN {name} SET DEFAULT ''"
                )
            database.execute_sql(f'CREATE INDEX "{terms}" ON "{table}" USING GIN ((c0 || c1))')
    with database.connection_context():
        database.execute_sql("DELETE FROM larder_migrations WHERE name = '0008_search'")
    assert migrations.upgrade() == ["0008_search"]
    for text, total in (("milk under", 1), ("mil", 1), ("cheese", 0)):
        assert admin.get(f"/notes?q={text}").json["meta"]["total"] == total
    admin.patch(f"/notes/{made['id']}", json={"title": "Cheese"})
    assert admin.get("/notes?q=cheese").json["meta"]["total"] == 1


def test_a_mailed_token_stays_valid_after_an_upgrade(empty):
    first = Runner(database.obj, directory=str(migrations.FOLDER), table_name=migrations.HISTORY_TABLE)
    user, moment, token = "01900000-0000-7000-8000-000000000001", "2026-01-02T03:04:05.000006Z", "a token of old"
    truth = "1" if empty.database_url.startswith("sqlite") else "true"
    with database.connection_context():
        first.up("0006_job_runs")
        for statement in (
            f"INSERT INTO larder_users VALUES ('{user}', '{moment}', 'a@example.com', 'A', 'hash', {truth}, "
            f"'{moment}', NULL, '{{}}')",
            f"INSERT INTO larder_mail_tokens VALUES ('{uuid7()}', '{moment}', '{user}', 'reset', "
            f"'{hashlib.sha256(token.encode()).hexdigest()}', '{utcnow() + timedelta(hours=1):%Y-%m-%dT%H:%M:%S.%fZ}')",
        ):
            database.execute_sql(statement)
    migrations.upgrade()
    answer = Person(create_app(empty)).post("/auth/password/reset", json={"token": token, "new_password": PASSWORD})
    assert answer.status_code == 200


def test_the_history_of_before_is_in_order_and_keeps_the_rules_that_fields_had(empty):
    migrations.upgrade()
    sign_in.create_first_admin(replace(empty, admin_email="admin@example.com", admin_password=PASSWORD))
    with database.connection_context():
        users.create_user(SYSTEM, email="bob@example.com", password=PASSWORD, name="Bob", roles=["member"])
    app = create_app(empty)
    admin, bob = Person(app, "admin"), Person(app, "bob")
    rest = {"access": {"read": ["member"]}, "history": True}
    hidden, title = {"type": "string", "readable_by": ["editor"]}, {"type": "string"}
    admin.declare("notes", {"title": title, "wage": hidden}, **rest)
    note = admin.make("notes", title="0", wage="much")
    for number in (1, 2):
        admin.patch(f"/notes/{note['id']}", json={"title": str(number)})
    path = f"/notes/{note['id']}/history"
    for fields in ({"title": title}, {"title": title, "wage": title}):
        plan = admin.post("/resources/notes/plan", json={"fields": fields, **rest}).json["data"]
        admin.put(f"/resources/notes?confirm={plan['fingerprint']}", json={"fields": fields, **rest})
    with database.connection_context():
        # As 0005_history had it, written by a process whose clock was set back.
        for version, last in ((1, "3"), (2, "2"), (3, "1")):
            earlier = f"01900000-0000-7000-8000-00000000000{last}"
            sql = f"UPDATE larder_record_changes SET id = '{earlier}' WHERE version = {version}"
            database.execute_sql(sql)
        for index in database.get_indexes("larder_record_changes"):
            if "number" in index.columns:
                database.execute_sql(f'DROP INDEX "{index.name}"')
        for name in ("number", "fields_id"):
            database.execute_sql(f"ALTER TABLE larder_record_changes DROP COLUMN {name}")
        database.execute_sql("DROP TABLE larder_kept_fields")
        database.execute_sql("DELETE FROM larder_migrations WHERE name = '0009_history'")
    assert migrations.upgrade() == ["0009_history"]
    for person, sees in ((admin, True), (bob, False)):
        entries = person.get(path).json["data"]
        assert [each["version"] for each in entries] == [3, 2, 1]
        assert ("wage" in entries[-1]["changes"]) is sees
    admin.patch(f"/notes/{note['id']}", json={"wage": "open"})
    assert bob.get(path).json["data"][0]["changes"] == {"wage": {"from": None, "to": "open"}}
