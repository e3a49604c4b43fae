"""`file`: uploaded files. How they are attached and removed is in tests/files/."""

import pytest

from backend.services.field_types.registry import parse_field
from tests.conftest import ON_SQLITE
from tests.field_types.contract import FieldTypeContract, check_answer
from tests.helpers import PUBLIC, UNKNOWN_ID, details_of
from tests.parts.files import stage

SHOWN = {"id": UNKNOWN_ID, "name": "=a#b.png", "type": "image/png", "bytes": 5, "sha256": "0" * 64}
SHOWN["url"] = f"/api/v1/things/{UNKNOWN_ID}/value"


class TestFile(FieldTypeContract):
    options = {"types": ["image/*", "application/pdf"], "max_bytes": 1000}
    refused = [UNKNOWN_ID, 1, True, [], {}, "", "x", {"id": "x"}, {"id": None}, {"id": UNKNOWN_ID}, [UNKNOWN_ID]]
    refused_filters = [f"={UNKNOWN_ID}", f"__in={UNKNOWN_ID}", f"__gt={UNKNOWN_ID}", "__contains=a"]
    ordered = False
    refused_options = [
        *(({"types": types}, "types") for types in ([], ["image"], ["*/*"], ["Image/png"], ["a/b", "a/b"], "a/b")),
        *(({"thumbs": thumbs}, "thumbs") for thumbs in ([], ["200"], ["0x9"], ["2001x9"], ["9x2001"], ["9x9", "9x9"])),
        *(({"max_bytes": size}, "max_bytes") for size in (0, -1, 1.5, "9", True)),
        ({"public": "yes"}, "public"),
        ({"default": UNKNOWN_ID}, "default"),
        ({"unique": True}, "unique"),
        ({"index": True}, "index"),
        ({"computed": "a"}, "computed"),
    ]
    narrower = [{"max_bytes": 999}, {"types": ["image/*"]}, {"types": ["image/png", "application/pdf"]}]

    def test_a_value_is_returned_in_its_canonical_form(self, things):
        document = things.get("http://localhost/openapi.json").json
        file_id = stage(things)
        answers = [things.post("/things", json={"value": file_id.upper()})]
        path = f"/things/{answers[0].json['data']['id']}"
        answers += [things.get(path), things.put(path, json={"value": answers[0].json["data"]["value"]})]
        answers += [things.get("/things"), things.get("/things?fields=value")]
        check_answer(document, "replace_thing", things.put(path, json={"value": None}))
        names = ("create_thing", "get_thing", "replace_thing", "list_things", "list_things")
        for answer, name in zip(answers, names, strict=True):
            data = answer.json["data"]
            assert (data[0] if isinstance(data, list) else data)["value"]["id"] == file_id
            check_answer(document, name, answer)

    def test_filters_find_what_they_say(self, things):
        ids = [stage(things), None]
        for file_id in ids:
            things.make("things", value=file_id)
        for text, expected in (("true", [None]), ("false", ids[:1])):
            found = things.get(f"/things?value__isnull={text}").json["data"]
            assert [record["value"] and record["value"]["id"] for record in found] == expected

    def test_a_csv_cell_holds_a_value(self):
        field = parse_field(self.declaration)
        cell = field.to_cell(SHOWN)
        assert cell == f"'=a#b.png /api/v1/things/{UNKNOWN_ID}/value#{UNKNOWN_ID}"
        assert {field.cell_reader()(each) for each in (cell, UNKNOWN_ID, f" {UNKNOWN_ID} ")} == {UNKNOWN_ID}

    def test_a_loaded_value_becomes_the_value_in_json(self):
        assert parse_field(self.declaration).json_field().deserialize(SHOWN) == UNKNOWN_ID

    def test_a_value_converts_to_text_to_json_and_back(self):
        field = parse_field(self.declaration)
        assert not field.is_convertible  # a field that gets another type loses its files

    @ON_SQLITE
    def test_options_of_types_cover_others(self, admin):
        wide, narrow = parse_field({"type": "file"}), parse_field({"type": "file", "types": ["image/png"]})
        assert narrow.narrows(wide)
        assert not parse_field({"type": "file", "types": ["image/*"]}).narrows(narrow)
        assert not parse_field({"type": "file", "types": ["image/png"], "thumbs": ["9x9"]}).narrows(narrow)

    @pytest.mark.parametrize("name", ["upload", "attachment", "Image", "photo", "picture", "blob"])
    @ON_SQLITE
    def test_other_names_propose_it(self, admin, name):
        answer = admin.post("/resources", json={"name": "a", "fields": {"b": {"type": name}}, "access": PUBLIC})
        (text,) = details_of(answer)["json"]["fields"]["b"]["type"]
        assert text.endswith(" Did you mean file?")
