"""Names of 63 characters, the longest there are, in everything that is done with them."""

import json

from tests.helpers import details_of

LONG = "resource_" + "a" * 54
OTHER = "resource_" + "a" * 53 + "b"  # differs in the last letter only
FIELDS = {kind: f"{kind}_" + "f" * (62 - len(kind)) for kind in ("text", "integer", "decimal", "reference", "unique")}
TEXT, NUMBER, PRICE, REFERENCE, CODE = FIELDS.values()
RENAMED = "renamed_" + "f" * 55
PARTS = ("name", "fields", "indexes", "unique", "search", "renamed_from")
DEFINITION = {
    TEXT: {"type": "string", "index": True},
    NUMBER: {"type": "integer", "index": True},
    PRICE: {"type": "decimal"},
    REFERENCE: {"type": "reference", "to": LONG},
    CODE: {"type": "string", "unique": True},
}


def read(person, path):
    """Return the data of an answer."""
    response = person.get(path)
    assert response.status_code == 200, (path, response.json)
    return response.json["data"]


def put(person, resource, **changes):
    """Change a definition, confirming a loss of data."""
    body = read(person, f"/resources/{resource}") | changes
    body = {
        part: value
        for part, value in body.items()
        if part in ("name", "fields", "indexes", "unique", "search", "renamed_from")
    }
    plan = person.post(f"/resources/{resource}/plan", json=body).json["data"]
    response = person.put(f"/resources/{resource}?confirm={plan['fingerprint']}", json=body)
    assert response.status_code == 200, response.json


def test_longest_names_work_everywhere(admin):
    assert {len(name) for name in (LONG, OTHER, RENAMED, *FIELDS.values())} == {63}
    sets = {"indexes": [[TEXT, NUMBER]], "unique": [[TEXT, CODE]], "search": [TEXT]}
    for name in (LONG, OTHER):
        admin.declare(name, DEFINITION, **sets)
    first = admin.make(LONG, **{TEXT: "One word", NUMBER: 1, PRICE: "1.50", CODE: "a"})
    for i, code in enumerate(("b", "c", None), 2):
        admin.make(LONG, **{TEXT: "Two words", NUMBER: i, PRICE: "2.50", CODE: code, REFERENCE: first["id"]})
    admin.make(OTHER, **{TEXT: "Noise", REFERENCE: first["id"]})
    found = read(admin, f"/{LONG}?{NUMBER}__gt=1&{TEXT}__icontains=WORD&sort=-{NUMBER}")
    assert [each[NUMBER] for each in found] == [4, 3, 2]
    answer = admin.get(f"/{LONG}?sort=-{CODE}&per_page=2").json
    cursor = answer["meta"]["next_cursor"]
    rest = admin.get(f"/{LONG}?sort=-{CODE}&per_page=2&cursor={cursor}").json
    assert [each[CODE] for each in answer["data"] + rest["data"]] == ["c", "b", "a", None]
    assert [each[NUMBER] for each in read(admin, f"/{LONG}?q=one")] == [1]
    functions = f"min={NUMBER},{PRICE}&max={NUMBER},{TEXT}&sum={PRICE}&avg={NUMBER}"
    group = read(admin, f"/{LONG}/aggregate?group_by={TEXT}&{functions}")
    assert group[0] == {
        TEXT: "One word",
        "count": 1,
        "sum": {PRICE: "1.50"},
        "avg": {NUMBER: 1.0},
        "min": {NUMBER: 1, PRICE: "1.50"},
        "max": {NUMBER: 1, TEXT: "One word"},
    }
    expanded = read(admin, f"/{LONG}/{first['id']}?expand={LONG},{OTHER}")["expand"]
    assert [len(expanded[name]["data"]) for name in (LONG, OTHER)] == [3, 1]
    assert read(admin, f"/{LONG}?expand={REFERENCE}&{CODE}=b")[0]["expand"][REFERENCE][CODE] == "a"
    taken = admin.post(f"/{LONG}", json={CODE: "a"})
    assert (taken.status_code, [*details_of(taken)["json"]]) == (409, [CODE])
    assert len(admin.get(f"/{LONG}/export").text.splitlines()) == 5
    lines = json.dumps({CODE: "d", NUMBER: 9})
    assert admin.post(f"/{LONG}/import", data=lines, content_type="application/x-ndjson").status_code == 200


def test_what_has_the_longest_name_can_be_changed(admin):
    admin.declare(LONG, DEFINITION, search=[TEXT])
    first = admin.make(LONG, **{TEXT: "12", NUMBER: 1, CODE: "a"})
    kinds = DEFINITION | {TEXT: {"type": "integer"}, NUMBER: {"type": "string", "index": True}}
    put(admin, LONG, fields=kinds, search=[])
    assert [read(admin, f"/{LONG}/{first['id']}")[name] for name in (TEXT, NUMBER)] == [12, "1"]
    kinds = {name: kind for name, kind in kinds.items() if name != CODE}
    put(
        admin,
        LONG,
        fields=kinds | {RENAMED: {"type": "string", "unique": True, "renamed_from": CODE}},
        search=[RENAMED],
    )
    assert [each["id"] for each in read(admin, f"/{LONG}?{RENAMED}=a&q=a")] == [first["id"]]
    fields = read(admin, f"/resources/{LONG}")["fields"]
    fields[REFERENCE] |= {"to": OTHER}
    put(admin, LONG, name=OTHER, renamed_from=LONG, fields=fields)
    assert [each["id"] for each in read(admin, f"/{OTHER}?sort=-{NUMBER}&q=a")] == [first["id"]]
    assert admin.delete(f"/resources/{OTHER}?confirm=true").status_code == 200
    admin.declare(LONG, DEFINITION, search=[TEXT])
