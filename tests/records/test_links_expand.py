"""`expand` along lists of references and back, as far as the caller sees the links."""

import json

import pytest

from tests.field_types.contract import check_answer
from tests.helpers import PUBLIC, details_of

NOT_SECRET = {"role": "public", "where": {"team": {"ne": "secret"}}}
TAGS = {"name": {"type": "string", "unique": True}, "team": {"type": "string"}}
TASKS = {"title": {"type": "string", "unique": True}, "tags": {"type": "references", "to": "tags", "max": 5}}


@pytest.fixture
def tags(admin):
    """Declare tags, of which x is for admins, and tasks that are titled by their tags; return ids of tags by name."""
    admin.declare("tags", TAGS, access=PUBLIC | {"list": [NOT_SECRET], "read": [NOT_SECRET]})
    admin.declare("tasks", TASKS | {"next": {"type": "reference", "to": "tasks"}}, access=PUBLIC)
    teams = dict.fromkeys("abc", "open") | {"x": "secret"}
    tags = {name: admin.make("tags", name=name, team=team)["id"] for name, team in teams.items()}
    for title in ("ba", "xb", "", "c"):
        admin.make("tasks", title=title, tags=[tags[name] for name in title])
    return tags


def get(person, path, **query):
    answer = person.get(path, query_string=query)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


def names(records, key="name"):
    return [record[key] for record in records]


def refused(person, path, **query):
    answer = person.get(path, query_string=query)
    assert answer.status_code == 422, answer.json
    return details_of(answer)["query"]


def test_a_list_is_expanded_in_its_order(tags, admin, stranger):
    def expanded(person):
        listed = get(person, "/tasks", expand="tags", sort="title")
        return {task["title"]: names(task["expand"]["tags"]) for task in listed}

    assert expanded(admin) == {"": [], "ba": ["b", "a"], "c": ["c"], "xb": ["x", "b"]}
    assert expanded(stranger) == {"": [], "ba": ["b", "a"], "c": ["c"], "xb": ["b"]}
    (task,) = get(stranger, "/tasks", title="ba", expand="tags", fields="title")
    assert task["expand"]["tags"][0] == get(stranger, f"/tags/{tags['b']}")
    (task,) = get(admin, "/tasks", title="xb")
    assert names(get(admin, f"/tasks/{task['id']}", expand="tags")["expand"]["tags"]) == ["x", "b"]


def test_the_way_back_comes_as_a_page(tags, admin, stranger):
    for name in ("tasks", "tasks__tags"):
        listed = get(admin, "/tags", expand=name, sort="name")
        found = {tag["name"]: names(tag["expand"][name]["data"], "title") for tag in listed}
        assert found == {"a": ["ba"], "b": ["ba", "xb"], "c": ["c"], "x": ["xb"]}
    seen = get(stranger, "/tags", expand="tasks", sort="name")
    assert [names(tag["expand"]["tasks"]["data"], "title") for tag in seen] == [["ba"], ["ba", "xb"], ["c"]]
    assert [task["tags"] for task in seen[1]["expand"]["tasks"]["data"]] == [[tags["b"], tags["a"]], [tags["b"]]]
    for number in range(22):
        admin.make("tasks", title=f"n{number:02}", tags=[tags["c"], tags["a"]])
    page = get(stranger, f"/tags/{tags['c']}", expand="tasks")["expand"]["tasks"]
    assert names(page["data"], "title") == ["c", *(f"n{number:02}" for number in range(19))]
    rest = stranger.get("/tasks", query_string={"tags__any": tags["c"], "cursor": page["next_cursor"]}).json
    assert (names(rest["data"], "title"), rest["meta"]["next_cursor"]) == (["n19", "n20", "n21"], None)


def test_both_ways_go_two_deep_and_take_options(tags, admin, stranger):
    (task,) = get(stranger, "/tasks", title="xb", expand="tags.tasks")
    (tag,) = task["expand"]["tags"]
    assert names(tag["expand"]["tasks"]["data"], "title") == ["ba", "xb"]
    around = get(stranger, f"/tags/{tags['a']}", expand="tasks.tags")
    assert names(around["expand"]["tasks"]["data"][0]["expand"]["tags"]) == ["b", "a"]
    options = {"expand.tasks.sort": "-title", "expand.tasks.per_page": 1, "expand.tasks.count": "true"}
    page = get(stranger, f"/tags/{tags['b']}", expand="tasks", **options)["expand"]["tasks"]
    assert (names(page["data"], "title"), page["total"]) == (["xb"], 2)
    query = {"tags__any": tags["b"], "sort": "-title", "per_page": 1, "cursor": page["next_cursor"]}
    assert names(get(stranger, "/tasks", **query), "title") == ["ba"]
    narrowed = {"expand.tags.where": json.dumps({"name": {"gt": "a"}}), "expand.tags.fields": "name"}
    assert get(admin, "/tasks", title="ba", expand="tags", **narrowed)[0]["expand"]["tags"] == [{"name": "b"}]
    for option, value in (("sort", "name"), ("per_page", "5"), ("count", "true")):
        message = refused(admin, "/tasks", expand="tags", **{f"expand.tags.{option}": value})
        assert message == {f"expand.tags.{option}": ["The path leads to a whole list, in its own order."]}


def test_links_to_records_that_can_be_listed_but_not_read_are_not_followed_back(tags, admin, stranger):
    access = PUBLIC | {"list": ["public"], "read": [NOT_SECRET]}
    assert admin.put("/resources/tags", json={"fields": TAGS, "access": access}).status_code == 200
    listed = get(stranger, "/tags", expand="tasks", sort="name", **{"expand.tasks.count": "true"})
    pages = [tag["expand"]["tasks"] for tag in listed]
    assert [(names(page["data"], "title"), page["total"]) for page in pages] == [
        (["ba"], 1),
        (["ba", "xb"], 2),
        (["c"], 1),
        ([], 0),
    ]


def test_relations_that_the_caller_may_not_see_are_unknown(tags, admin, alice, stranger):
    document = stranger.get("http://localhost/openapi.json").json
    check_answer(document, "list_tasks", stranger.get("/tasks?expand=tags"))
    check_answer(document, "list_tags", stranger.get("/tags?expand=tasks"))
    assert {"tags", "next", "tasks"} <= document["components"]["schemas"]["Task"]["properties"]["expand"][
        "properties"
    ].keys()
    hidden = TASKS | {"tags": TASKS["tags"] | {"readable_by": ["editor"]}, "next": {"type": "reference", "to": "tasks"}}
    assert admin.put("/resources/tasks", json={"fields": hidden, "access": PUBLIC}).status_code == 200
    for path, relation in (("/tasks", "tags"), ("/tags", "tasks"), ("/tags", "tasks__tags")):
        assert refused(alice, path, expand=relation), path
    text = json.dumps(alice.get("http://localhost/openapi.json").json)
    assert "tags__any" not in text
    assert "tasks__tags" not in text


def test_too_many_ids_in_lists_are_refused_before_they_are_read(tags, admin):
    fields = TASKS | {"tags": TASKS["tags"] | {"max": 100}}
    assert (
        admin.put(
            "/resources/tasks?confirm=", json={"fields": fields | {"next": {"type": "reference", "to": "tasks"}}}
        ).status_code
        == 200
    )
    assert "per_page" in refused(admin, "/tasks", expand="tags", per_page=101)["expand"][0]
    assert len(get(admin, "/tasks", expand="tags", per_page=100)) == 4
