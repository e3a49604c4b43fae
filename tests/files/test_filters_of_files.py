"""Lists, rules and aggregates use what is known of the files of records."""

import json

from tests.helpers import OPEN, details_of
from tests.parts.files import stage

PHOTO = {"type": "file"}
FILES = {"a": ("image/png", 1), "b": ("image/gif", 20), "c": ("text/plain", 3), "d": None}


def fill(admin, alice, **options):
    """Declare places with a photo each, and visits of them; make four of both."""
    admin.declare("places", {"name": {"type": "string"}, "photo": PHOTO | options}, access=OPEN)
    admin.declare("visits", {"place": {"type": "reference", "to": "places"}, "ticket": PHOTO}, access=OPEN)
    for name, file in FILES.items():
        photo = file and stage(admin, f"{name}.x", file[0], b"x" * file[1])
        place = admin.make("places", name=name, **({"photo": photo} if file else {}))
        alice.make("visits", place=place["id"], ticket=stage(alice))


def names(person, query, resource="places"):
    """Return the names of the places that a list finds, in one text."""
    answer = person.get(f"/{resource}", query_string=query)
    assert answer.status_code == 200, answer.json
    return "".join(each["name"] for each in answer.json["data"])


def test_lists_filter_sort_and_group_by_parts_of_files(admin, alice):
    fill(admin, alice)
    for query, found in {
        "photo__isnull=true": "d",
        "photo.type=image/png": "a",
        "photo.type__in=image/png,text/plain": "ac",
        "photo.type__startswith=image/": "ab",
        "photo.type__ne=image/png": "bcd",
        "photo.bytes__gte=3": "bc",
        "photo.bytes__lt=3": "a",
        "photo.bytes__isnull=true": "d",
        "sort=photo.bytes": "acbd",
        "sort=-photo.type": "cabd",
    }.items():
        pairs = [pair.split("=") for pair in query.split("&")]
        assert names(alice, dict(pairs)) == found, query
    for where, found in (
        ({"photo.name": {"contains": "b."}}, "b"),
        ({"not": {"photo.type": {"startswith": "image/"}}}, "cd"),
        ({"any": [{"photo": {"isnull": True}}, {"photo.bytes": 1}]}, "ad"),
        ({"photo.sha256": "0"}, ""),
        ({"photo": {"some": {"bytes": 20, "type": "image/gif"}}}, "b"),
    ):
        assert names(alice, {"where": json.dumps(where)}) == found, where
    where = {"place.photo.type": "image/gif", "ticket.bytes": 5}
    (visit,) = alice.get("/visits", query_string={"where": json.dumps(where), "expand": "place"}).json["data"]
    assert visit["expand"]["place"]["photo"]["type"] == "image/gif"
    (place,) = alice.get("/places?name=b&expand=visits").json["data"]
    assert [each["ticket"]["bytes"] for each in place["expand"]["visits"]["data"]] == [5]
    groups = alice.get("/places/aggregate?group_by=photo.type&photo.bytes__lt=9").json["data"]
    assert {group["photo.type"]: group["count"] for group in groups} == {"image/png": 1, "text/plain": 1}
    for wrong in ({"photo.nope": 1}, {"photo": "x"}, {"photo.id.x": 1}):
        assert alice.get("/places", query_string={"where": json.dumps(wrong)}).status_code == 422, wrong
    for query in ("photo.bytes=x", "photo.nope=1", "sort=photo", "photo=x", "expand=photo"):
        assert alice.get(f"/places?{query}").status_code == 422, query


def test_a_hidden_field_is_in_no_filter_document_or_error(admin, alice, edith):
    fill(admin, alice, readable_by=["editor"])
    assert names(edith, {"photo.bytes": "1"}) == "a"
    hidden = [f"/places?{query}" for query in ("photo.type=image/png", "photo__isnull=true", "sort=photo.bytes")]
    hidden += ["/places/aggregate?group_by=photo.type", '/visits?where={"place.photo.type":"image/png"}']
    hidden.append('/places?where={"photo.type":"image/png"}')
    for path in hidden:
        answer = alice.get(path)
        assert answer.status_code == 422, path
        assert alice.get(path.replace("photo", "nope")).json["error"]["code"] == answer.json["error"]["code"]
    assert "photo" not in json.dumps(alice.get("http://localhost/openapi.json").json)
    assert "photo" not in json.dumps(alice.get("/schema").json)
    document = edith.get("http://localhost/openapi.json").json
    parameters = {each["name"] for each in document["paths"]["/api/v1/places"]["get"]["parameters"]}
    assert {"photo__isnull", "photo.type", "photo.type__startswith", "photo.bytes__gt"} <= parameters
    assert "place.photo.type" in document["components"]["schemas"]["VisitWhere"]["properties"]
    assert document["components"]["schemas"]["PlaceCreate"]["properties"]["photo"]["format"] == "uuid"


def test_rules_see_the_files_of_the_future_row(admin, alice):
    pictures = {"role": "member", "where": {"photo.type": {"startswith": "image/"}}}
    access = {"list": ["member"], "create": [pictures], "update": [{"role": "member", "where": {"photo.bytes": 5}}]}
    admin.declare("places", {"photo": PHOTO}, access=access | {"read": ["member"], "delete": ["member"]})
    assert alice.post("/places", json={}).status_code == 403
    assert alice.post("/places", json={"photo": stage(alice, kind="text/plain")}).status_code == 403
    made = alice.make("places", photo=stage(alice))
    path = f"/places/{made['id']}"
    assert alice.patch(path, json={"photo": stage(alice, content=b"other")}).status_code == 200
    assert alice.patch(path, json={"photo": stage(alice, content=b"longer")}).status_code == 403
    assert alice.patch(path, json={"photo": None}).status_code == 403
    csv = f"photo\n{stage(alice)}\n"
    report = alice.post("/places/import", data=csv, content_type="text/csv").json["data"]
    assert (report["created"], report["bad"]) == (1, 0)
    text = f"photo\n{stage(alice, kind='text/plain')}\n"
    answer = alice.post("/places/import", data=text, content_type="text/csv")
    assert details_of(answer)["rows"] == {"2": ["You may not create a record of places with these values."]}
