"""Lists of references in filters, in `where` and in row rules: in both directions, as far as the caller sees them."""

import json

import pytest

from tests.helpers import PUBLIC, details_of

NOT_SECRET = {"role": "public", "where": {"team": {"ne": "secret"}}}
TAGS = {"name": {"type": "string", "unique": True}, "team": {"type": "string"}}
TASKS = {"title": {"type": "string", "unique": True}, "tags": {"type": "references", "to": "tags"}}


@pytest.fixture
def tags(admin):
    """Declare tags, of which x is for admins, and tasks that are titled by their tags; return ids of tags by name."""
    admin.declare("tags", TAGS, access=PUBLIC | {"list": [NOT_SECRET], "read": [NOT_SECRET]})
    admin.declare("tasks", TASKS, access=PUBLIC)
    teams = dict.fromkeys("abc", "open") | {"x": "secret"}
    tags = {name: admin.make("tags", name=name, team=team)["id"] for name, team in teams.items()}
    for title in ("a", "b", "ab", "bx", "x", ""):
        admin.make("tasks", title=title, tags=[tags[name] for name in title])
    return tags


def found(person, path="/tasks", key="title", **query):
    """Return the titles that a list has, checking its count and its aggregate."""
    query = {name: json.dumps(value) if name == "where" else value for name, value in query.items()}
    answer = person.get(path, query_string={"sort": key} | query)
    assert answer.status_code == 200, answer.json
    titles = [each[key] for each in answer.json["data"]]
    (group,) = person.get(f"{path}/aggregate", query_string=query).json["data"]
    assert answer.json["meta"]["total"] == len(titles) == group["count"]
    return titles


def ids(tags, names):
    return ",".join(tags[name] for name in names)


def test_filters_find_what_they_say(tags, admin):
    assert found(admin, tags__any=ids(tags, "ax")) == ["a", "ab", "bx", "x"]
    assert found(admin, tags__all=ids(tags, "ab")) == ["ab"]
    assert found(admin, tags__all=ids(tags, "b")) == ["ab", "b", "bx"]
    assert found(admin, tags__none=ids(tags, "ax")) == ["", "b"]
    assert found(admin, tags__isempty="true") == [""]
    assert found(admin, tags__isempty="false") == ["a", "ab", "b", "bx", "x"]
    assert found(admin, tags__any=ids(tags, "b"), tags__none=ids(tags, "a")) == ["b", "bx"]
    assert (found(admin, tags__any=""), found(admin, tags__any=tags["a"], title="b")) == ([], [])
    page = admin.get("/tasks", query_string={"tags__any": ids(tags, "ab"), "per_page": 2, "sort": "title"}).json
    rest = {"tags__any": ids(tags, "ab"), "per_page": 2, "sort": "title", "cursor": page["meta"]["next_cursor"]}
    assert [each["title"] for each in admin.get("/tasks", query_string=rest).json["data"]] == ["b", "bx"]
    assert admin.get("/tasks", query_string=rest | {"tags__any": tags["a"]}).status_code == 400
    export = admin.get("/tasks/export", query_string={"tags__any": tags["x"], "sort": "title", "fields": "title"})
    assert export.data.decode("utf-8-sig").split() == ["title", "bx", "x"]


def test_filters_see_only_what_the_caller_sees(tags, stranger):
    assert found(stranger, tags__any=ids(tags, "ax")) == ["a", "ab"]
    assert (found(stranger, tags__any=tags["x"]), found(stranger, tags__all=ids(tags, "bx"))) == ([], [])
    assert found(stranger, tags__none=ids(tags, "ax")) == ["", "b", "bx", "x"]
    assert found(stranger, tags__isempty="true") == ["", "x"]
    assert found(stranger, tags__isempty="false") == ["a", "ab", "b", "bx"]


def test_filters_that_make_no_sense_are_refused(tags, admin, alice):
    for query in ("tags__any=x", "tags__all=", "tags__isempty=maybe", "tags__in=", "tags__eq=x", "tags__some=x"):
        assert admin.get(f"/tasks?{query}").status_code == 422, query
    hidden = TASKS | {"tags": TASKS["tags"] | {"readable_by": ["editor"]}}
    assert admin.put("/resources/tasks", json={"fields": hidden, "access": PUBLIC}).status_code == 200
    for query in ({"tags__any": tags["a"]}, {"tags__isempty": "true"}, {"where": '{"tags": {"some": {}}}'}):
        assert alice.get("/tasks", query_string=query).status_code == 422, query
    assert alice.get("/tags", query_string={"where": '{"tasks": {"some": {}}}'}).status_code == 422


def test_conditions_lead_through_lists_in_both_directions(tags, admin, stranger):
    some = {"tags": {"some": {"name": {"in": ["a", "x"]}}}}
    assert (found(admin, where=some), found(stranger, where=some)) == (["a", "ab", "bx", "x"], ["a", "ab"])
    none = {"tags": {"none": {"name": {"in": ["a", "x"]}}}}
    assert (found(admin, where=none), found(stranger, where=none)) == (["", "b"], ["", "b", "bx", "x"])
    any_of = {"any": [{"tags": {"all": [tags["a"], tags["b"]]}}, {"tags": {"isempty": True}}]}
    assert (found(admin, where=any_of), found(stranger, where=any_of)) == (["", "ab"], ["", "ab", "x"])
    both = {"tags": {"any": [tags["b"]], "none": [tags["a"], tags["x"]]}, "not": {"title": ""}}
    assert found(admin, where=both) == ["b"]
    back = {"tasks": {"some": {"title": {"in": ["ab", "x"]}}}}
    assert found(admin, "/tags", "name", where=back) == ["a", "b", "x"]
    assert found(stranger, "/tags", "name", where=back) == ["a", "b"]
    assert found(admin, "/tags", "name", where={"tasks": {"none": {}}}) == ["c"]
    around = {"tags": {"some": {"tasks": {"some": {"title": "bx"}}}}}
    assert (found(admin, where=around), found(stranger, where=around)) == (["ab", "b", "bx", "x"], ["ab", "b", "bx"])


def test_conditions_that_make_no_sense_are_refused(tags, admin):
    for where, message in (
        ({"tags": tags["a"]}, "where.tags: Must be an object of `some`, `none`, `any`, `all`, `isempty`."),
        ({"tags": {"eq": tags["a"]}}, "where.tags: Must be an object of `some`, `none`, `any`, `all`, `isempty`."),
        ({"tags": {"any": []}}, "where.tags.any: Must be an array of 1 to 200 ids."),
        ({"tags": {"any": ["x"]}}, "where.tags.any: Must be a UUID such as 01890a5d-ac96-774b-bcce-b302099a8057."),
        ({"tags": {"isempty": 3}}, "where.tags.isempty: Write true or false."),
        ({"tags": {"some": [tags["a"]]}}, "where.tags.some: Must be an object of conditions."),
        ({"tags.name": "a"}, "where.tags.name: There is no such field."),
        ({"title": {"field": "tags"}}, None),
    ):
        answer = admin.get("/tasks", query_string={"where": json.dumps(where)})
        assert answer.status_code == 422, where
        assert message in (None, *details_of(answer)["query"]["where"]), where


def test_links_to_records_that_can_be_listed_but_not_read_lead_nowhere(tags, admin, stranger):
    access = PUBLIC | {"list": ["public"], "read": [NOT_SECRET]}
    assert admin.put("/resources/tags", json={"fields": TAGS, "access": access}).status_code == 200
    assert found(stranger, where={"tags": {"some": {"name": "x"}}}) == []
    assert found(stranger, "/tags", "name", where={"tasks": {"some": {}}}) == ["a", "b"]
    assert found(stranger, "/tags", "name", where={"tasks": {"none": {}}}) == ["c"]


def test_rules_lead_through_lists(tags, admin, alice, bob):
    users = {"type": "references", "to": "users"}
    admin.declare("projects", {"name": {"type": "string"}, "members": users}, access={"read": ["member"]})
    mine = {"role": "member", "where": {"members": {"any": ["$user.id"]}}}
    fields = {"name": {"type": "string"}, "members": users}
    access = dict.fromkeys(("list", "read", "create", "update", "delete"), [mine])
    admin.put("/resources/projects", json={"fields": fields, "access": access})
    hers = admin.make("projects", name="hers", members=[alice.id])["id"]
    admin.make("projects", name="his", members=[bob.id])
    assert found(alice, "/projects", "name") == ["hers"]
    assert bob.get(f"/projects/{hers}").status_code == 404
    refused = alice.post("/projects", json={"name": "x", "members": [bob.id]})
    assert (refused.status_code, alice.post("/projects", json={"name": "x"}).status_code) == (403, 403)
    assert alice.make("projects", name="both", members=[bob.id, alice.id])["name"] == "both"
    left = alice.patch(f"/projects/{hers}", json={"members": {"remove": [alice.id], "add": [bob.id]}})
    assert (left.status_code, found(bob, "/projects", "name")) == (403, ["both", "his"])
    assert alice.patch(f"/projects/{hers}", json={"members": {"add": [bob.id]}}).status_code == 200
    assert found(bob, "/projects", "name") == ["both", "hers", "his"]
    admin.patch(f"/projects/{hers}", json={"members": [bob.id]})
    assert alice.get(f"/projects/{hers}").status_code == 404


def test_rules_follow_links_of_other_resources_at_once(tags, admin, alice):
    users = {"type": "references", "to": "users"}
    admin.declare("projects", {"name": {"type": "string"}, "members": users})
    fields = TASKS | {"project": {"type": "reference", "to": "projects"}}
    rules = [
        {"project.members": {"any": ["$user.id"]}},
        {"tags": {"some": {"team": "open", "tasks": {"some": {"title": "bx"}}}}},
    ]
    access = PUBLIC | {"list": [{"role": "member", "where": rule} for rule in rules]}
    answer = admin.put("/resources/tasks", json={"fields": fields, "access": access})
    assert answer.status_code == 200, answer.json
    assert found(alice) == ["ab", "b", "bx"]
    project = admin.make("projects", name="p")["id"]
    (task,) = admin.get("/tasks?title=a").json["data"]
    admin.patch(f"/tasks/{task['id']}", json={"project": project})
    admin.patch(f"/projects/{project}", json={"members": [alice.id]})
    assert found(alice) == ["a", "ab", "b", "bx"]
    renamed = {"name": TAGS["name"], "group": TAGS["team"] | {"renamed_from": "team"}}
    body = {"name": "marks", "renamed_from": "tags", "fields": renamed, "access": PUBLIC}
    assert admin.put("/resources/tags", json=body).status_code == 200
    answer = admin.put("/resources/projects", json={"fields": {"staff": users | {"renamed_from": "members"}}})
    assert answer.status_code == 409
    confirmed = details_of(answer)["plan"]["fingerprint"]
    body = {"fields": {"staff": users | {"renamed_from": "members"}}}
    assert admin.put(f"/resources/projects?confirm={confirmed}", json=body).status_code == 200
    stored = [grant["where"] for grant in admin.get("/resources/tasks").json["data"]["access"]["list"]]
    assert stored == [
        {"project.staff": {"any": ["$user.id"]}},
        {"tags": {"some": {"group": "open", "tasks": {"some": {"title": "bx"}}}}},
    ]
    assert found(alice) == ["a", "ab", "b", "bx"]
