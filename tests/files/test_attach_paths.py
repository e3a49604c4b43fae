"""Files on the other paths of writes: batches, upserts, preconditions, keys, races, deletions of users, history."""

import json
from concurrent.futures import ThreadPoolExecutor

from backend.models.database import database
from backend.services.access.actors import SYSTEM
from tests.conftest import Person
from tests.helpers import OPEN, details_of
from tests.parts.files import WITH_FILES, stage, states, uploaded

USED = "This file is in use: each belongs to one field of one record. Upload it once more."
PLACES = {"name": {"type": "string", "unique": True}} | WITH_FILES


def test_an_uploaded_file_is_attached_once_however_many_ask(app, admin, alice):
    admin.declare("places", PLACES, access=OPEN)
    file_id = uploaded(alice)["id"]
    people = [Person(app, "alice") for _ in range(6)]
    for person in people:
        person._token = alice.token
    with ThreadPoolExecutor(len(people)) as threads:
        answers = [*threads.map(lambda person: person.post("/places", json={"photo": file_id}), people)]
    (made,) = [answer.json["data"] for answer in answers if answer.status_code == 201]
    assert [details_of(each) for each in answers if each.status_code == 422] == [{"json": {"photo": [USED]}}] * 5
    assert states() == {file_id: ("places", made["id"], "photo")}
    assert alice.get("/places").json["data"] == [made]


def test_what_fails_attaches_and_removes_nothing(admin, alice):
    admin.declare("places", PLACES, access=OPEN)
    one, two = stage(alice), stage(alice)
    made = alice.make("places", name="a", photo=one)
    path, before = f"/places/{made['id']}", {one: ("places", made["id"], "photo"), two: None}
    stale = {"If-Match": '"9"'}
    assert alice.patch(path, json={"photo": two}, headers=stale).status_code == 412
    assert alice.delete(path, headers=stale).status_code == 412
    assert alice.post("/places", json={"name": "a", "photo": two}).status_code == 409
    assert alice.patch(path, json={"photo": two, "name": 7}).status_code == 422
    create = {"op": "create", "resource": "places", "data": {"photo": two}}
    answer = alice.post("/batch", json={"operations": [create, create]})
    problems = details_of(answer)["operations"]["1"]
    assert problems == {"data": {"photo": [USED]}}
    assert states() == before
    key = {"Idempotency-Key": "once"}
    answers = [alice.post("/places?upsert=name", json={"name": "a", "photo": two}, headers=key) for _ in range(2)]
    assert [answer.json["data"]["photo"]["id"] for answer in answers] == [two, two]
    assert states() == {one: "removed", two: ("places", made["id"], "photo")}


def test_a_hidden_or_locked_field_says_nothing_about_its_file(admin, alice, bob, edith):
    photo = {"type": "file", "readable_by": ["editor"], "writable_by": ["member"]}
    plan = {"type": "file", "writable_by": ["editor"]}
    admin.declare("places", {"photo": photo, "plan": plan}, access=OPEN)
    file_id = stage(alice)
    made = alice.make("places", photo=file_id)
    assert "photo" not in made
    path = f"/places/{made['id']}"
    assert edith.get(path).json["data"]["photo"]["id"] == file_id
    answers = [bob.patch(path, json={"photo": each}) for each in (file_id, made["id"])]
    assert details_of(answers[0]) == details_of(answers[1])  # as if no such file existed
    assert answers[0].status_code == 422
    answer = alice.patch(path, json={"plan": stage(alice)})
    assert list(details_of(answer)["json"]) == ["plan"]
    assert states()[file_id] == ("places", made["id"], "photo")


def test_files_of_deleted_users_are_removed_with_their_records_or_stay(admin, alice):
    admin.declare("places", WITH_FILES, access=OPEN, on_owner_delete="cascade")
    admin.declare("others", WITH_FILES, access=OPEN)
    one, two, three = (stage(alice) for _ in range(3))
    alice.make("places", photo=one)
    kept = alice.make("others", photo=two)
    assert admin.delete(f"/users/{alice.id}").status_code == 200
    assert states() == {one: "removed", two: ("others", kept["id"], "photo"), three: None}
    read = admin.get(f"/others/{kept['id']}").json["data"]
    assert admin.put(f"/others/{kept['id']}", json={"photo": read["photo"]}).json["data"]["photo"] == kept["photo"]
    assert admin.post("/places", json={"photo": three}).status_code == 422  # nobody can attach it any more


def test_the_history_names_files_without_a_url(admin, alice):
    admin.declare("places", WITH_FILES, access=OPEN, history=True)
    one, two = stage(alice, "one.png"), stage(alice, "two.png")
    path = f"/places/{alice.make('places', photo=one)['id']}"
    alice.patch(path, json={"photo": two})
    alice.patch(path, json={"photo": two})
    found = [entry["changes"].get("photo") for entry in alice.get(f"{path}/history").json["data"]]
    first, second = {"id": one, "name": "one.png"}, {"id": two, "name": "two.png"}
    assert found == [None, {"from": first, "to": second}, {"from": None, "to": first}]


def test_the_command_line_attaches_the_files_of_anybody(app, admin, alice, tmp_path):
    admin.declare("places", PLACES, access=OPEN)
    file_id = stage(alice)
    rows = tmp_path / "rows.ndjson"
    rows.write_text(json.dumps({"name": "a", "photo": file_id}))
    database.close_all()
    result = app.test_cli_runner().invoke(args=["records", "import", "places", str(rows)])
    assert result.exit_code == 0, result.output
    assert SYSTEM.user_id is None
    assert alice.get("/places").json["data"][0]["photo"]["id"] == file_id
