"""What the form of a definition does with it: renames, removals, YAML and differences, in the modules of the page."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.admin.conftest import Client
from tests.conftest import ON_SQLITE

MODULES = "new URL('parts/definitions/', document.querySelector('script[src]').src)"
BOOKS = {
    "name": "books",
    "label": "title",
    "fields": {
        "title": {"type": "string", "required": True},
        "titles": {"type": "string", "computed": "concat(title, ' title ', titled)"},
        "titled": {"type": "date", "renamed_from": ["dated"]},
    },
    "search": ["title", "titles"],
    "filters": ["title.code"],
    "indexes": [["-title", "titles"], {"fields": ["titled"], "where": {"any": [{"title": "title"}]}}],
    "checks": {"title": {"titles": {"ne": {"field": "title"}}, "not": {"title": "x"}}},
    "access": {"list": ["public", {"role": "member", "where": {"title.name": {"some": {"title": 1}}}}]},
}
# With texts that YAML would read as something else if they were not quoted.
ODD = {
    "name": "odd",
    "description": "no: 'quotes' \" # and\n  lines\u2028 \t\u00a0é😀 ",
    "fields": {
        "on": {
            "type": "enum",
            "choices": ["yes", "no", "null", "~", "1", "0x1F", "10:30", "2026-01-01", "1e5", "=", "<<", "", " a"],
        },
        "rate": {"type": "decimal", "precision": 30, "scale": 12, "default": "123456789012345678.100000000001"},
        "share": {"type": "number", "min": -1e-07, "max": 1e20},
        "amount": {"type": "integer", "max": 9223372036854775807},
        "born": {"type": "date", "min": "2026-01-31"},
        "extra": {"type": "json", "default": {"yes": [1, 2.5, None, True, ""], "a b": {}}},
        "title": {"type": "string", "pattern": "^[A-Z]+: .*$", "max_length": 200},
    },
    "access": {"list": [{"role": "public", "where": {"title": {"ne": "x"}}}], "read": ["public"]},
    "indexes": [["title", "-share"]],
}


@pytest.fixture
def run(open_as):
    """Return a function that runs an expression with the names of a module of the page."""
    page = open_as("admin", "/admin/resources")

    def run_in(module, expression, value=None):
        load = f"const {{{', '.join(module[1])}}} = await import(new URL('{module[0]}.js', {MODULES}))"
        return page.evaluate(f"async value => {{ {load}; return {expression}; }}", value)

    return run_in


@ON_SQLITE
def test_a_renamed_field_keeps_its_values_and_its_places(run):
    draft = ("draft", ["renameField", "removeField"])
    renamed = run(draft, "renameField(value, 'title', 'name', value)", BOOKS)
    assert renamed == {
        "name": "books",
        "label": "name",
        "fields": {
            "name": {"type": "string", "required": True, "renamed_from": ["title"]},
            "titles": {"type": "string", "computed": "concat(name, ' title ', titled)"},
            "titled": {"type": "date", "renamed_from": ["dated"]},
        },
        "search": ["name", "titles"],
        "filters": ["name.code"],
        "indexes": [["-name", "titles"], {"fields": ["titled"], "where": {"any": [{"name": "title"}]}}],
        "checks": {"title": {"titles": {"ne": {"field": "name"}}, "not": {"name": "x"}}},
        "access": {"list": ["public", {"role": "member", "where": {"name.name": {"some": {"title": 1}}}}]},
    }
    assert list(renamed["fields"]) == ["name", "titles", "titled"]
    swap = "[['title', 'x'], ['titled', 'title'], ['x', 'titled'], ['titled', 'last']]"
    swapped = run(draft, f"{swap}.reduce((all, [from, to]) => renameField(all, from, to, value), value)", BOOKS)
    assert {name: field.get("renamed_from") for name, field in swapped["fields"].items()} == {
        "last": ["title"],
        "titles": None,
        "title": ["titled", "dated"],
    }
    back = "renameField(renameField(value, 'title', 'name', value), 'name', 'title', value)"
    assert run(draft, back, BOOKS) == BOOKS
    removed = run(draft, "removeField(value, 'title')", BOOKS)
    assert [removed.get(part) for part in ("label", "search", "filters")] == [None, ["titles"], None]
    assert (removed["indexes"], removed["access"]) == (BOOKS["indexes"][1:], BOOKS["access"])


@ON_SQLITE
def test_the_yaml_of_the_page_is_the_definition(run, address):
    client = Client(address, "admin")
    client.call("POST", "/resources", ODD)
    read = "await fetch('/api/v1/resources/odd').then(answer => answer.text())"
    parse = f"(await import(new URL('../json.js', {MODULES}))).parseJson({read})"
    yaml = ("yaml", ["toYaml", "readDefinition"])
    text = run(yaml, f"toYaml((({{version, created_at, updated_at, ...all}}) => all)(({parse}).data))")
    assert "  amount: {type: integer, max: 9223372036854775807}\n" in text
    assert client.call("POST", "/resources/odd/plan", text, kind="application/yaml")["steps"] == []
    same = "toYaml(readDefinition(value).value) === value"
    assert run(yaml, same, text)
    for wrong, line in [("a: [", 2), ("", 1), ("- a", 1), ("name: x\nfields:\n", 2), ("a: 1\na: 2", 2), ("a: !x 1", 1)]:
        assert run(yaml, "readDefinition(value).problem.line", wrong) == line, wrong


@ON_SQLITE
def test_a_wrong_definition_in_the_yaml_does_not_break_the_form(open_as):
    page = open_as("admin", "/admin/resources/new")
    text = (
        "{name: 3, label: [], description: {a: 1}, search: [1], filters: [2], indexes: [3, [[4]]], unique: [{}], "
        "fields: {a: {type: enum, choices: 5, default: {}}, b: {type: constructor}, c: {}, d: {type: list, of: 1}, "
        "e: {type: string, renamed_from: {}, readable_by: 1, required: x, max_length: [], computed: 4}}, "
        "access: {list: [1, null, {role: member, where: 3}]}, checks: {a: {}}, cache_seconds: x, history: 1}"
    )
    page.get_by_role("textbox", name="YAML").fill(text)
    for name in "abcde":
        page.get_by_role("button", name=f"Options of {name}").click()
    page.get_by_label("Name of field 5").fill("f")
    page.get_by_label("Name of field 5").press("Tab")
    page.get_by_label("Remove b").click()
    page.get_by_label("Type of c").select_option("boolean")
    yaml = page.get_by_role("textbox", name="YAML")
    expect(yaml).to_have_value(re.compile(r"\bf: \{type: string"))


@ON_SQLITE
def test_a_difference_has_the_fewest_lines(run):
    difference = ("difference", ["differenceOf"])
    lines = run(difference, "differenceOf(...value)", ["a\nb\nc\nd\n", "b\nc\nx\nd\n"])
    assert lines == [["-", "a"], [" ", "b"], [" ", "c"], ["+", "x"], [" ", "d"]]
    assert run(difference, "differenceOf(...value)", ["", "a\n"]) == [["+", "a"]]
    assert run(difference, "differenceOf(...value)", ["a", "a"]) == [[" ", "a"]]
