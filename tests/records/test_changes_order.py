"""Many writers and several readers at once: each reader sees each change once, and those of a record in order.

`CHANGES=20000 make test ARGS=tests/records/test_changes_order.py` writes more than the few of every run.
"""

import os
import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.conftest import Person
from tests.helpers import OPEN
from tests.parts import both_ways
from tests.parts.changes import Follower

CHANGES = int(os.environ.get("CHANGES", "320"))
WRITERS, READERS = 8, 3
MAX_SECONDS = 60 + CHANGES / 10


def person_of(app, signed_in):
    """Return a person with a client of their own, who is signed in already: passwords are hashed one by one."""
    person = Person(app, signed_in.name)
    person._token = signed_in.token
    return person


def write(person, number):
    """Create, change and delete records, alone and in batches; return the (id, version) of each change."""
    rng, versions, done = random.Random(number), {}, []

    def note(record_id, version):
        versions[record_id] = version
        done.append((record_id, version))

    while len(done) < CHANGES // WRITERS:
        step = rng.random()
        if not versions or step < 0.3:
            note(person.make("notes", number=0)["id"], 1)
        elif step < 0.5:
            new = [{"op": "create", "resource": "notes", "data": {"number": 1}} for _ in range(3)]
            wrong = {"op": "create", "resource": "notes", "data": {"number": "x"}}
            assert person.post("/batch", json={"operations": [*new, wrong]}).status_code == 422
            for each in person.post("/batch", json={"operations": new}).json["data"]:
                note(each["id"], 1)
        else:
            record_id = rng.choice([*versions])
            if step < 0.6:
                assert person.delete(f"/notes/{record_id}").status_code == 200
                done.append((record_id, versions.pop(record_id) + 1))
            else:
                answer = person.patch(f"/notes/{record_id}", json={"number": rng.randrange(9)})
                note(record_id, answer.json["data"]["version"])
    return done


def follow(follower, rng, done):
    """Follow until as many changes came as were written; return the (id, version) of each."""
    found, deadline = [], time.monotonic() + MAX_SECONDS
    while len(found) < done.get("total", float("inf")) and time.monotonic() < deadline:
        found += [(each["id"], each["version"]) for each in follower.read(0)]
        time.sleep(rng.uniform(0, 0.05))
    return found + [(each["id"], each["version"]) for each in follower.read(0)]


def list_and_follow(person, done):
    """List the records while others write, and follow from there; return {id: version} of what is left."""
    page = person.get("/notes?per_page=50&sort=id&count=false").json
    follower, records = Follower(person, data="true"), {}
    follower.cursor = page["meta"]["changes_cursor"]
    while page:
        records |= {each["id"]: each["version"] for each in page["data"]}
        following = page["meta"]["next_cursor"]
        page = following and person.get(f"/notes?per_page=50&sort=id&cursor={following}").json
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        is_over = "records" in done
        for each in follower.read(0):
            if each["data"] is None:
                records.pop(each["id"], None)
            else:
                records[each["id"]] = each["data"]["version"]
        if is_over and records == done["records"]:
            break
    return records


def all_records(person):
    """Return {id: version} of all records."""
    records, query = {}, "per_page=100&sort=id&count=false"
    while query:
        page = person.get(f"/notes?{query}").json
        records |= {each["id"]: each["version"] for each in page["data"]}
        following = page["meta"]["next_cursor"]
        query = following and f"per_page=100&sort=id&cursor={following}"
    return records


def test_every_reader_sees_every_change_once_and_in_order(app, admin, alice, bob, monkeypatch):
    monkeypatch.setattr(both_ways, "IS_ON", False)  # it would read each list twice, while others write
    admin.declare("notes", {"number": {"type": "integer"}}, access=OPEN, feed=True)
    done, started = {}, threading.Barrier(READERS + 1)

    def read(number):
        follower = Follower(person_of(app, bob), limit=[7, 100, 1000][number])
        started.wait()
        return follow(follower, random.Random(number), done)

    with ThreadPoolExecutor(WRITERS + READERS + 1) as pool:
        readers = [pool.submit(read, number) for number in range(READERS)]
        started.wait()
        writers = [pool.submit(write, person_of(app, alice), number) for number in range(WRITERS)]
        lister = pool.submit(list_and_follow, person_of(app, bob), done)
        written = [each for writer in writers for each in writer.result()]
        done["records"] = all_records(admin)
        done["total"] = len(written)
        results = [reader.result() for reader in readers]
        assert lister.result() == done["records"]
    for found in results:
        assert Counter(found) == Counter(written)
        seen = Counter()
        for record_id, version in found:
            assert version == seen[record_id] + 1
            seen[record_id] = version
        assert found == results[0]
