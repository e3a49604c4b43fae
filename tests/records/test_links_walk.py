"""Random writes of lists of references, renames and deletions: everything read is what a model in plain Python says.

`LINK_WALKS=300 make test ARGS=tests/records/test_links_walk.py` walks further than the few walks of every run.
"""

import os
from itertools import count

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.helpers import OPEN, UNKNOWN_ID

WALKS = int(os.environ.get("LINK_WALKS", "2"))
STEPS, STEPS_BETWEEN_CHECKS, MAX = 12, 4, 4

RULE = {"role": "member", "where": {"secret": False}}
TAGS = {"secret": {"type": "boolean", "required": True}}

_names = count(1)


class Model:
    """What the records are: `tags` maps ids to whether they are secret, `tasks` maps ids to a Task."""

    def __init__(self):
        self.tags, self.tasks = {}, {}

    def seen(self, person, field, ids):
        """Return those of the ids in a field that a person sees."""
        return [each for each in ids if field == "after" or person == "admin" or not self.tags[each]]

    def write(self, person, task, field, wanted):
        """Put what a person wants in a list; what they do not see stays where it is. Return whether it changes."""
        before, merged = task.lists[field], list(wanted)
        for place, each in enumerate(before):
            if each not in self.seen(person, field, before):
                merged[place:place] = [each]
        task.lists[field] = merged
        return merged != before

    def forget(self, field, target):
        """Take a deleted target out of all lists of a field; return the tasks that had it."""
        had = [task for task in self.tasks.values() if target in task.lists[field]]
        for task in had:
            task.lists[field].remove(target)
        return had


class Task:
    """A record with a number and two lists: `tags`, and the tasks that it comes `after`."""

    def __init__(self, n):
        self.n, self.version, self.lists = n, 1, {"tags": [], "after": []}


class Walk:
    """A walk through random changes, and the checks after each."""

    def __init__(self, draw, people):
        self.draw, self.people, self.model = draw, people, Model()
        number = next(_names)
        self.resource = {"tags": f"tags{number}", "tasks": f"tasks{number}"}
        self.field = {"tags": "tags", "after": "after"}
        self.former = {"tags": ["tags"], "after": ["after"]}
        for person in people.values():
            person._token = None  # long walks outlive a token
        admin = people["admin"]
        admin.declare(self.resource["tags"], TAGS, access=OPEN | {"list": [RULE], "read": [RULE]})
        admin.declare(self.resource["tasks"], self.fields(), access=OPEN, history=True)

    def fields(self):
        """Return the fields of the tasks as they are named now."""
        tags, tasks = self.resource["tags"], self.resource["tasks"]
        return {
            "n": {"type": "integer"},
            self.field["tags"]: {"type": "references", "to": tags, "max": MAX},
            self.field["after"]: {"type": "references", "to": tasks, "max": MAX},
        }

    def path(self, kind, record_id=None):
        return f"/{self.resource[kind]}" + (f"/{record_id}" if record_id else "")

    def pick(self, values):
        return self.draw(st.sampled_from(list(values)))

    def targets(self, person, field):
        """Return some ids that a person may put in a list."""
        known = self.model.seen(person, field, self.model.tags if field == "tags" else self.model.tasks)
        return list(self.draw(st.permutations(list(known))))[: self.draw(st.integers(0, MAX))]

    # Changes

    def begin(self):
        """Make some tags, and tasks that have secret ones among others."""
        for secret in (True, False, False, True):
            self.make_tag(secret)
        for _ in range(2):
            self.make_task("admin")

    def make_tag(self, secret=None):
        secret = self.draw(st.booleans()) if secret is None else secret
        made = self.people["admin"].make(self.resource["tags"], secret=secret)
        self.model.tags[made["id"]] = secret

    def make_task(self, person=None):
        person, task = person or self.pick(self.people), Task(self.draw(st.integers(0, 9)))
        task.lists = {field: self.targets(person, field) for field in task.lists}
        body = {self.field[field]: ids for field, ids in task.lists.items() if ids}
        made = self.people[person].make(self.resource["tasks"], n=task.n, **body)
        self.model.tasks[made["id"]] = task

    def replace_task(self):
        record_id, person = self.pick(self.model.tasks), self.pick(self.people)
        task, wanted = self.model.tasks[record_id], {field: self.targets(person, field) for field in self.field}
        body = {self.field[field]: ids for field, ids in wanted.items() if ids or self.draw(st.booleans())}
        answer = self.people[person].put(self.path("tasks", record_id), json={"n": task.n, **body})
        assert answer.status_code == 200, answer.json
        for field, ids in wanted.items():
            self.model.write(person, task, field, ids)
        task.version += 1

    def change_task(self):
        record_id, person, field = self.pick(self.model.tasks), self.pick(self.people), self.pick(self.field)
        task, model = self.model.tasks[record_id], self.model
        seen = model.seen(person, field, task.lists[field])
        body = wanted = self.targets(person, field)
        if self.draw(st.booleans()):
            removed = self.draw(st.lists(st.sampled_from([*seen, UNKNOWN_ID]), unique=True, max_size=2))
            added = [each for each in wanted if each not in removed]
            body = {"add": added, "remove": removed}
            wanted = [each for each in seen if each not in removed] + [each for each in added if each not in seen]
        headers = {"If-Match": f'"{task.version}"'}
        json = {self.field[field]: body}
        answer = self.people[person].patch(self.path("tasks", record_id), json=json, headers=headers)
        if len(wanted) > MAX:
            assert answer.status_code == 422, answer.json
            return
        assert answer.status_code == 200, answer.json
        task.version += model.write(person, task, field, wanted)
        assert answer.json["data"]["version"] == task.version
        assert answer.json["data"][self.field[field]] == wanted

    def refuse(self):
        record_id, field = self.pick(self.model.tasks), self.pick(self.field)
        secret = [tag for tag, is_secret in self.model.tags.items() if is_secret]
        bad = self.pick(secret) if secret and field == "tags" else UNKNOWN_ID
        for body in ([bad], {"add": [bad]}):
            answer = self.people["alice"].patch(self.path("tasks", record_id), json={self.field[field]: body})
            assert answer.status_code == 422, answer.json

    def delete_tag(self):
        tag = self.pick(self.model.tags)
        assert self.people["admin"].delete(self.path("tags", tag)).status_code == 200
        for task in self.model.forget("tags", tag):
            task.version += 1
        del self.model.tags[tag]

    def delete_task(self):
        record_id = self.pick(self.model.tasks)
        assert self.people["alice"].delete(self.path("tasks", record_id)).status_code == 200
        del self.model.tasks[record_id]
        for task in self.model.forget("after", record_id):
            task.version += 1

    def rename_field(self):
        field = self.pick(self.field)
        old, self.field[field] = self.field[field], f"{field}_{next(_names)}"
        self.former[field].append(self.field[field])
        fields = self.fields()
        fields[self.field[field]]["renamed_from"] = old
        body = {"fields": fields, "access": OPEN, "history": True}
        answer = self.people["admin"].put(self.path("tasks").replace("/", "/resources/"), json=body)
        assert answer.status_code == 200, answer.json

    def rename_resource(self):
        kind = self.pick(self.resource)
        old, self.resource[kind] = self.resource[kind], f"{kind}{next(_names)}"
        body = {"fields": TAGS, "access": OPEN | {"list": [RULE], "read": [RULE]}}
        if kind == "tasks":
            body = {"fields": self.fields(), "access": OPEN, "history": True}
        body |= {"name": self.resource[kind], "renamed_from": old}
        answer = self.people["admin"].put(f"/resources/{old}", json=body)
        assert answer.status_code == 200, answer.json

    def step(self):
        changes = [self.make_tag, self.make_task, self.rename_field, self.rename_resource]
        if self.model.tasks:
            changes += [self.replace_task, self.delete_task, self.refuse, *[self.change_task] * 4]
        if self.model.tags:
            changes += [self.delete_tag]
        self.pick(changes)()

    # Checks

    def check(self):
        for person in self.people:
            self.check_lists(person)
            self.check_ways_back(person)

    def get(self, person, path, **query):
        answer = self.people[person].get(path, query_string={"per_page": 100, **query})
        assert answer.status_code == 200, answer.json
        return answer.json["data"]

    def check_lists(self, person):
        listed = self.get(person, self.path("tasks"), expand=self.field["tags"])
        assert {each["id"] for each in listed} == set(self.model.tasks)
        for each in listed:
            task = self.model.tasks[each["id"]]
            lists = {field: self.model.seen(person, field, ids) for field, ids in task.lists.items()}
            assert {field: each[name] for field, name in self.field.items()} == lists
            assert (each["version"], each["n"]) == (task.version, task.n)
            assert [tag["id"] for tag in each["expand"][self.field["tags"]]] == lists["tags"]

    def check_ways_back(self, person):
        relation = f"{self.resource['tasks']}__{self.field['tags']}"
        for tag in self.get(person, self.path("tags"), expand=relation):
            having = sorted(each for each, task in self.model.tasks.items() if tag["id"] in task.lists["tags"])
            assert [each["id"] for each in tag["expand"][relation]["data"]] == having
        some = self.targets("admin", "tags")
        for operator, holds in (
            ("any", lambda seen: bool(set(some) & seen)),
            ("none", lambda seen: not set(some) & seen),
            ("all", lambda seen: set(some) <= seen),
        ):
            if some:
                found = self.get(person, self.path("tasks"), **{f"{self.field['tags']}__{operator}": ",".join(some)})
                assert {each["id"] for each in found} == {
                    record_id
                    for record_id, task in self.model.tasks.items()
                    if holds(set(self.model.seen(person, "tags", task.lists["tags"])))
                }

    def finish(self):
        """Replay the history of each task, and drop the resources."""
        for record_id, task in self.model.tasks.items():
            entries = self.get("admin", f"{self.path('tasks', record_id)}/history")[::-1]
            assert [each["version"] for each in entries] == [*range(1, task.version + 1)]
            for field, names in self.former.items():
                ids = None
                for entry in entries:
                    for change in [entry["changes"][name] for name in names if name in entry["changes"]]:
                        assert change["from"] == ids
                        ids = change["to"]
                assert ids == task.lists[field]
        for kind in ("tasks", "tags"):
            answer = self.people["admin"].delete(f"/resources/{self.resource[kind]}?confirm=true")
            assert answer.status_code == 200, answer.json


def test_lists_are_what_a_model_says(admin, alice):
    @settings(
        max_examples=WALKS,
        deadline=None,
        database=None,
        derandomize="LINK_WALKS" not in os.environ,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def walk(data):
        walking = Walk(data.draw, {"admin": admin, "alice": alice})
        walking.begin()
        for number in range(1, STEPS + 1):
            walking.step()
            if number % STEPS_BETWEEN_CHECKS == 0:
                walking.check()
        walking.finish()

    walk()
