"""How many bytes a response may have: LARDER_MAX_ANSWER_BYTES, here a mebibyte."""

import json
from dataclasses import replace

import pytest

from backend.models.database import database
from tests.helpers import details_of

LARGE = "ä" * 150_000  # 300,000 bytes, so that three fit into an answer
TOPICS = {"name": {"type": "string"}, "text": {"type": "text"}}
NOTES = {"title": {"type": "string"}, "body": {"type": "text"}, "topic": {"type": "reference", "to": "topics"}}


@pytest.fixture
def settings(settings):
    """The settings of the app under test, which takes bodies that are larger than its answers."""
    return replace(settings, max_answer_bytes=1_048_576, max_body_bytes=4_000_000)


@pytest.fixture
def notes(admin):
    """Six notes of 300,000 bytes, all of one topic of as many."""
    admin.declare("topics", TOPICS)
    admin.declare("notes", NOTES, history=True)
    topic = admin.make("topics", name="Tea", text=LARGE)["id"]
    return [admin.make("notes", title=f"Note {i}", body=LARGE, topic=topic)["id"] for i in range(6)]


def refused(response):
    """Return the messages by parameter or part of an answer that would be too large."""
    assert response.status_code == 422, response.json
    (errors,) = details_of(response).values()
    return {name: messages[0] for name, messages in errors.items()}


def test_refuses_a_page_and_names_the_size_that_fits(admin, notes):
    for query in ("", "sort=title", "sort=-created_at", "title__contains=Note", "title__gte=A&sort=-title&page=1"):
        errors = refused(admin.get(f"/notes?{query}"))
        assert "at most 3" in errors["per_page"], query
        answer = admin.get(f"/notes?{query}&per_page=3")
        assert len(answer.json["data"]) == 3, query
        cursor = answer.json["meta"]["next_cursor"]
        after = admin.get(f"/notes?{query.replace('&page=1', '')}&per_page=3&cursor={cursor}")
        assert len(after.json["data"]) == 3, query
    assert len(admin.get("/notes?fields=title,id").json["data"]) == 6


def test_following_the_advice_is_enough(admin, notes):
    for number in (1, 2):
        assert len(admin.get(f"/notes?per_page=3&page={number}").json["data"]) == 3
    total = admin.get("/notes?per_page=3").json["meta"]["total"]
    assert total == 6


def test_refuses_expansions_that_are_too_large(admin, notes):
    assert "per_page" in refused(admin.get("/notes?fields=title&expand=topic"))["expand"]
    assert admin.get("/notes?fields=title&expand=topic&per_page=3").status_code == 200
    assert "per_page" in refused(admin.get("/topics?expand=notes&fields=name"))["expand"]
    assert "expand" in refused(admin.get(f"/notes/{notes[0]}?expand=topic.notes"))
    assert admin.get(f"/notes/{notes[0]}?expand=topic").status_code == 200


def test_refuses_to_make_a_record_too_large(admin, notes):
    path = f"/notes/{notes[0]}"
    assert "1,048,576" in refused(admin.patch(path, json={"body": LARGE * 4}))["_schema"]
    assert refused(admin.post("/notes", json={"body": LARGE * 4}))
    assert refused(admin.put(path, json={"body": LARGE * 4}))
    record = admin.get(path).json["data"]
    assert (record["version"], record["body"]) == (1, LARGE)
    assert len(admin.get("/notes?fields=id").json["data"]) == 6


def test_refuses_a_batch_whose_answer_is_too_large(admin, notes):
    operations = [{"op": "update", "resource": "notes", "id": each, "data": {"title": "x"}} for each in notes]
    assert admin.post("/batch", json={"operations": operations}).status_code == 422
    assert admin.get("/notes?title=x&fields=id").json["data"] == []
    assert admin.post("/batch", json={"operations": operations[:3]}).status_code == 200


def test_refuses_a_page_of_history_that_is_too_large(admin, notes):
    for i in range(2):
        assert admin.patch(f"/notes/{notes[0]}", json={"body": LARGE[:-1] + str(i)}).status_code == 200
    assert "per_page" in refused(admin.get(f"/notes/{notes[0]}/history"))
    assert len(admin.get(f"/notes/{notes[0]}/history?per_page=1").json["data"]) == 1


def test_a_record_in_place_that_is_too_large_is_refused_and_exported(admin, notes):
    with database.connection_context():
        large = "y" * 2_000_000
        database.execute_sql(f"UPDATE notes SET body = {database.param} WHERE id = {database.param}", (large, notes[2]))
    assert "_schema" in refused(admin.get(f"/notes/{notes[2]}"))
    assert "fields" in refused(admin.get(f"/notes?id={notes[2]}"))
    assert admin.get(f"/notes?id={notes[2]}&fields=title").json["data"] == [{"title": "Note 2"}]
    for sort in ("", "&sort=-title"):
        lines = admin.get(f"/notes/export?format=ndjson{sort}").text.splitlines()
        titles = [json.loads(line)["title"] for line in lines]
        assert sorted(titles) == [f"Note {i}" for i in range(6)]
        assert [len(json.loads(line)["body"]) for line in lines].count(2_000_000) == 1


def test_measures_what_is_written_not_what_is_allowed(admin):
    """A page of records that might be large, but are not."""
    admin.declare("memos", {"text": {"type": "text"}, "data": {"type": "json"}})
    for i in range(30):
        admin.make("memos", text="short", data={"n": i})
    assert len(admin.get("/memos?per_page=200&sort=-text").json["data"]) == 30


def test_refuses_groups_that_are_too_large(admin, notes):
    path = "/notes/aggregate?group_by=title&max=body"
    assert "at most 3" in refused(admin.get(path))["per_page"]
    assert len(admin.get(f"{path}&per_page=3").json["data"]) == 3
