"""The contract of field types, on both databases; the test file of each type has the values."""

import copy
import json

import pytest
from openapi_schema_validator import OAS31Validator, oas31_format_checker

from backend.services.field_types.registry import parse_field
from tests.conftest import ON_SQLITE
from tests.helpers import PUBLIC, details_of


class FieldTypeContract:
    """The tests of one field type; a subclass named Test… fills in the values.

    A dict of filters has the text after the parameter's name, such as `__gte=5`, and what of `rows` it finds.
    """

    options = {}  # of the declaration, without its type
    kept = []  # (value sent, value read back)
    refused = []  # values
    nothing = None  # what a record has without a value
    rows = []  # what the filters look through, null among them
    filters = {}
    refused_filters = []
    ascending = []  # `rows` in order; empty when the type has none
    refused_options = []  # (options, the wrong one)
    narrower = []  # options that refuse values which `options` take
    ordered = True  # whether there are a least and a greatest value
    total_and_average = None  # of `rows`; None where there is no sum
    searchable = False
    reads_texts = True  # whether its values come back from being converted to a text

    @property
    def declaration(self):
        """The field as a definition declares it."""
        return {"type": type(self).__name__.removeprefix("Test").lower(), **self.options}

    @pytest.fixture
    def things(self, admin):
        """Declares a resource with the field `value` and returns who may use it."""
        admin.declare("things", {"value": self.declaration}, access=PUBLIC)
        return admin

    def test_a_value_is_returned_in_its_canonical_form(self, things):
        document = things.get("http://localhost/openapi.json").json
        for sent, read in [*self.kept, (self.nothing, self.nothing)]:
            answers = [things.post("/things", json={"value": sent})]
            assert answers[0].status_code == 201, (sent, answers[0].json)
            path = f"/things/{answers[0].json['data']['id']}"
            answers += [things.get(path), things.put(path, json={"value": sent})]
            for answer, name in zip(answers, ("create", "get", "replace"), strict=True):
                assert_same(answer.json["data"]["value"], read)
                check_answer(document, f"{name}_thing", answer)
        listed = things.get("/things", query_string={"per_page": 200})
        for record, (_, read) in zip(listed.json["data"], self.kept, strict=False):
            assert_same(record["value"], read)
        check_answer(document, "list_things", listed)
        check_answer(document, "list_things", things.get("/things", query_string={"fields": "value"}))

    @ON_SQLITE
    def test_an_invalid_value_is_refused_and_not_stored(self, things):
        for value in self.refused:
            answer = things.post("/things", data=json.dumps({"value": value}), content_type="application/json")
            assert answer.status_code == 422, (value, answer.json)
            assert list(details_of(answer)["json"]) == ["value"], value
        assert things.get("/things").json["data"] == []

    def test_filters_find_what_they_say(self, things):
        for value in self.rows:
            things.make("things", value=value)
        parameters = {"": self.rows} | self.filters
        if "isnull" in parse_field(self.declaration).operators:
            parameters |= {"__isnull=true": [None], "__isnull=false": without_null(self.rows)}
        for text, expected in parameters.items():
            answer = things.get("/things", query_string=query(text))
            assert answer.status_code == 200, (text, answer.json)
            assert [record["value"] for record in answer.json["data"]] == expected, text

    @ON_SQLITE
    def test_a_filter_that_makes_no_sense_is_refused(self, things):
        for text in [*self.refused_filters, "__like=x", "__isnull=maybe"]:
            answer = things.get("/things", query_string=query(text))
            assert answer.status_code == 422, text
            assert list(details_of(answer)["query"]) == list(query(text)), text

    def test_null_comes_last_in_either_order(self, things):
        for value in self.rows:
            things.make("things", value=value)
        for sort, expected in (("value", self.ascending), ("-value", without_null(self.ascending)[::-1] + [None])):
            answer = things.get("/things", query_string={"sort": sort})
            if self.ascending:
                assert [record["value"] for record in answer.json["data"]] == expected
            else:
                assert answer.status_code == 422

    @ON_SQLITE
    def test_options_that_make_no_sense_are_refused(self, admin):
        for options, to_blame in [*self.refused_options, ({"nope": 1}, "nope"), ({"required": 1}, "required")]:
            fields = {"value": self.declaration | options}
            answer = admin.post("/resources", json={"name": "things", "fields": fields})
            assert answer.status_code == 422, (options, answer.json)
            assert list(details_of(answer)["json"]["fields"]["value"]) == [to_blame], options

    def test_a_declaration_survives_being_written_down(self):
        field = parse_field(self.declaration)
        assert parse_field(field.to_dict()) == field

    def test_a_csv_cell_holds_a_value(self):
        field = parse_field(self.declaration)
        for _, read in self.kept:
            assert field.cell_reader()(field.to_cell(read)) == field.json_field().deserialize(read), read

    def test_a_loaded_value_becomes_the_value_in_json(self):
        field = parse_field(self.declaration)
        for _, read in self.kept:
            assert_same(field.to_json(field.json_field().deserialize(read)), read)

    def test_a_value_converts_to_text_to_json_and_back(self):
        field = parse_field(self.declaration)
        for _, read in self.kept:
            for name in ("text", "json"):
                other = parse_field({"type": name})
                converted = other.converter(field)(read)
                assert converted == (field.text_of(read) if name == "text" else read)
                if name == "json" or self.reads_texts:
                    assert field.converter(other)(converted) == field.json_field().deserialize(read), read

    def test_options_narrow_the_values_or_do_not(self):
        field = parse_field(self.declaration)
        assert not field.narrows(field)
        assert not field.needs_conversion_from(field)
        for options in self.narrower:
            narrower = parse_field(self.declaration | options)
            assert narrower.narrows(field), options
            assert narrower.constraints != field.constraints, options
            assert not field.narrows(narrower), options

    def test_values_are_added_up_exactly_or_not_at_all(self, things):
        for value in self.rows:
            things.make("things", value=value)
        answer = things.get("/things/aggregate?sum=value&avg=value")
        if self.total_and_average is None:
            assert answer.status_code == 422
        else:
            (found,) = answer.json["data"]
            assert (found["sum"]["value"], found["avg"]["value"]) == self.total_and_average

    def test_ordered_values_have_a_least_and_a_greatest(self, things):
        for value in self.rows:
            things.make("things", value=value)
        answer = things.get("/things/aggregate?min=value&max=value")
        if self.ordered:
            least, *_, greatest = without_null(self.ascending)
            (found,) = answer.json["data"]
            assert (found["min"]["value"], found["max"]["value"]) == (least, greatest)
        else:
            assert answer.status_code == 422

    @ON_SQLITE
    def test_only_texts_are_searched(self, admin):
        answer = admin.post(
            "/resources", json={"name": "a", "fields": {"value": self.declaration}, "search": ["value"]}
        )
        assert answer.status_code == (201 if self.searchable else 422)


def assert_same(read, expected):
    """Fail unless both are the same JSON; to Python, true is 1 and 1.0 is 1 as well."""
    assert read == expected, (read, expected)
    assert isinstance(read, bool) == isinstance(expected, bool), (read, expected)


def without_null(values):
    """Return the values that are not None."""
    return [value for value in values if value is not None]


def query(text):
    """Return the query of a filter on the field `value`."""
    operator, _, operand = text.partition("=")
    return {f"value{operator}": operand} if text else {}


def check_answer(document, operation_id, answer):
    """Fail unless the body is what the OpenAPI document promises of this operation.

    It promises all fields of a record; a request with `fields` asks for less.
    """
    operation = next(
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict) and operation.get("operationId") == operation_id
    )
    schema = operation["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    promised = {**schema, "components": copy.deepcopy(document["components"])}
    if any(name.split(".")[-1] == "fields" for name in answer.request.args):
        for each in promised["components"]["schemas"].values():
            each.pop("required", None)
    OAS31Validator(promised, format_checker=oas31_format_checker).validate(answer.json)
