"""Random writes by several people: after them, the table of files says what a model in plain Python says.

`FILE_WALKS=20 make test ARGS=tests/files/test_files_walk.py` walks different ways at each run.
"""

import os
import random
from itertools import count

import pytest

from tests.helpers import OPEN
from tests.parts.files import stage, states

FILE = {"type": "file"}
WALKS = int(os.environ.get("FILE_WALKS", "0"))
SEEDS = [random.randrange(2**32) for _ in range(WALKS)] or [7]
STEPS = 300 if WALKS else 120


class Walk:
    """Two resources with files, one of which cascades to the other, and the model of all files.

    `files` is {id: state} as states() has it, `records` is {resource: {id: {field: file or None}}}, `parents` is the
    place of each thing.
    """

    def __init__(self, admin, people, seed):
        self.admin, self.people, self.random = admin, people, random.Random(seed)
        self.files, self.uploader = {}, {}
        self.records, self.parents = {"places": {}, "things": {}}, {}
        self.fields = {"places": ["photo", "plan"], "things": ["picture"]}
        self.names = count(1)
        for resource in self.records:
            admin.declare(resource, self.declared(resource), access=OPEN)

    def declared(self, resource):
        fields = dict.fromkeys(self.fields[resource], FILE)
        if resource == "things":
            return fields | {"place": {"type": "reference", "to": "places", "on_delete": "cascade"}}
        return fields | {"name": {"type": "string", "unique": True}}

    def attach(self, person, resource, record_id, data):
        """Change the model as a write does; return the status that the write must have."""
        wanted = [file_id for file_id in data.values() if file_id]
        places = {field: (resource, record_id, field) for field in data}
        for field, file_id in data.items():
            own = file_id and self.files.get(file_id) is None and self.uploader.get(file_id) == person.name
            if file_id and not own and self.files.get(file_id) != places[field]:
                return 422
        if len(set(wanted)) < len(wanted):
            return 422
        before = self.records[resource].get(record_id, {})
        for field, file_id in data.items():
            if before.get(field) and before[field] != file_id:
                self.files[before[field]] = "removed"
            if file_id:
                self.files[file_id] = places[field]
        return 200

    def some_file(self, person):
        """Return a file: staged by the person mostly, else any at all, or None."""
        own = [each for each, at in self.files.items() if at is None and self.uploader[each] == person.name]
        kind = self.random.random()
        if kind < 0.15 or not self.files:
            return None
        return self.random.choice(own if own and kind < 0.8 else list(self.files))

    def some_record(self):
        found = [(resource, each) for resource, records in self.records.items() for each in records]
        return self.random.choice(found) if found else (None, None)

    def step(self):
        person = self.random.choice(self.people)
        names = ["upload"] * 5 + ["create"] * 4 + ["change"] * 5 + ["delete", "batch", "put", "read_back"]
        getattr(self, self.random.choice(names))(person)

    def upload(self, person):
        file_id = stage(person)
        self.files[file_id], self.uploader[file_id] = None, person.name

    def data_of(self, person, resource):
        return {field: self.some_file(person) for field in self.fields[resource] if self.random.random() < 0.7}

    def create(self, person):
        resource = self.random.choice(["places", "things"])
        data = self.data_of(person, resource)
        more = {}
        if resource == "things" and self.records["places"]:
            more["place"] = self.random.choice(list(self.records["places"]))
        elif resource == "places":
            more["name"] = f"{next(self.names)}"
        answer = person.post(f"/{resource}", json=data | more)
        record_id = answer.json["data"]["id"] if answer.status_code == 201 else "new"
        assert (answer.status_code == 201) == (self.attach(person, resource, record_id, data) == 200), answer.json
        if record_id != "new":
            self.records[resource][record_id] = dict.fromkeys(self.fields[resource]) | data
            self.parents[record_id] = more.get("place")

    def change(self, person):
        resource, record_id = self.some_record()
        if resource:
            self.write(person, resource, record_id, self.data_of(person, resource), "PATCH")

    def put(self, person):
        """Replace a place: the fields that are left out become null."""
        if self.records["places"]:
            record_id = self.random.choice(list(self.records["places"]))
            data = dict.fromkeys(self.fields["places"]) | self.data_of(person, "places")
            self.write(person, "places", record_id, data, "PUT")

    def write(self, person, resource, record_id, data, method):
        answer = person.send(method, f"/{resource}/{record_id}", json=data)
        assert answer.status_code == self.attach(person, resource, record_id, data), answer.json
        if answer.status_code == 200:
            self.records[resource][record_id] |= data

    def read_back(self, person):
        """Anybody can send a record back as they got it."""
        resource, record_id = self.some_record()
        if resource:
            read = person.get(f"/{resource}/{record_id}").json["data"]
            sent = {field: read[field] for field in self.fields[resource]}
            answer = person.patch(f"/{resource}/{record_id}", json=sent)
            assert answer.status_code == 200, answer.json

    def forget(self, resource, record_id):
        for file_id in self.records[resource].pop(record_id).values():
            if file_id:
                self.files[file_id] = "removed"
        for thing in [each for each, place in self.parents.items() if place == record_id]:
            if thing in self.records["things"]:
                self.forget("things", thing)

    def delete(self, person):
        resource, record_id = self.some_record()
        if resource:
            assert person.delete(f"/{resource}/{record_id}").status_code == 200
            self.forget(resource, record_id)

    def batch(self, person):
        """Delete a record and attach a file to another, together; or fail together."""
        resource, deleted = self.some_record()
        if not resource:
            return
        file_id, fails = self.some_file(person), self.random.random() < 0.5
        name = f"{next(self.names)}"
        data = {"name": name, self.fields["places"][0]: file_id}
        operations = [
            {"op": "delete", "resource": resource, "id": deleted},
            {"op": "upsert", "resource": "places", "key": "name", "data": data},
            *([{"op": "delete", "resource": "places", "id": deleted}] if fails else []),
        ]
        answer = person.post("/batch", json={"operations": operations})
        files = dict(self.files)
        if answer.status_code == 200:
            made = answer.json["data"][1]["id"]
            self.forget(resource, deleted)
            assert self.attach(person, "places", made, {self.fields["places"][0]: file_id}) == 200
            self.records["places"][made] = dict.fromkeys(self.fields["places"]) | {self.fields["places"][0]: file_id}
        else:
            usable = file_id is None or (files[file_id] is None and self.uploader[file_id] == person.name)
            assert fails or not usable, answer.json

    def check(self):
        """Compare the table of files and all records with the model."""
        assert states() == self.files
        for resource, records in self.records.items():
            found = self.admin.get(f"/{resource}?per_page=200").json["data"]
            shown = {
                each["id"]: {field: each[field] and each[field]["id"] for field in self.fields[resource]}
                for each in found
            }
            assert shown == records
            for each in found:
                for field in self.fields[resource]:
                    url = f"/api/v1/{resource}/{each['id']}/{field}"
                    assert each[field] is None or each[field]["url"] == url

    def change_definitions(self):
        """Rename a field, drop another, and drop a resource."""
        fields = self.declared("places")
        del fields["plan"]
        fields["image"] = FILE | {"renamed_from": "photo"}
        del fields["photo"]
        body = {"name": "places", "fields": fields, "access": OPEN}
        plan = self.admin.post("/resources/places/plan", json=body).json["data"]
        answer = self.admin.put(f"/resources/places?confirm={plan['fingerprint']}", json=body)
        assert answer.status_code == 200, answer.json
        for record_id, files in self.records["places"].items():
            if dropped := files.pop("plan"):
                self.files[dropped] = "removed"
            files["image"] = files.pop("photo")
            if files["image"]:
                self.files[files["image"]] = ("places", record_id, "image")
        self.fields["places"] = ["image"]

    def drop_things(self):
        answer = self.admin.delete("/resources/things?confirm=true")
        assert answer.status_code == 200, answer.json
        for record_id in list(self.records["things"]):
            self.forget("things", record_id)
        del self.records["things"]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_states_of_files_agree_with_the_records(admin, alice, bob, seed):
    walk = Walk(admin, [alice, bob], seed)
    for number in range(STEPS):
        walk.step()
        if number % 20 == 0:
            walk.check()
    walk.check()
    walk.change_definitions()
    walk.check()
    for _ in range(20):
        walk.step()
    walk.check()
    walk.drop_things()
    walk.check()
    found = {"removed" if state == "removed" else bool(state) for state in walk.files.values()}
    assert found == {"removed", True, False}  # the walk came everywhere
