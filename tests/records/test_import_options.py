"""Options of imports: files that are written in other ways than an export writes them."""

import pytest

from backend import create_app
from tests.helpers import CSV, NDJSON, details_of, load, outcome

GOODS = {
    "name": {"type": "string", "required": True, "max_length": 40},
    "price": {"type": "decimal", "precision": 12, "scale": 3},
    "amount": {"type": "integer"},
    "weight": {"type": "number"},
    "sold": {"type": "boolean"},
    "bought": {"type": "date"},
    "seen": {"type": "datetime"},
    "shelf": {"type": "reference", "to": "shelves"},
    "full_note": {"type": "text"},
}
SHELVES = {"code": {"type": "integer", "unique": True}}


@pytest.fixture
def goods(admin):
    """A resource that members fill from files, and a shelf with the code 1200."""
    access = {action: ["member"] for action in ("list", "read", "create", "update")}
    admin.declare("shelves", SHELVES, access=access)
    admin.declare("goods", GOODS, access=access)
    return admin.make("shelves", code=1200)["id"]


@pytest.fixture
def run(settings, tmp_path):
    """Imports a file with the command; returns (exit code, what it prints, what it complains of)."""

    def run(content, *options):
        file = tmp_path / "goods.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        result = create_app(settings).test_cli_runner().invoke(args=["records", "import", "goods", str(file), *options])
        return result.exit_code, result.stdout, result.stderr

    return run


def stored(admin, *names):
    """Return the named fields of all goods, and delete them."""
    goods = admin.get("/goods?sort=id").json["data"]
    for each in goods:
        admin.delete(f"/goods/{each['id']}")
    return [tuple(each[name] for name in names) for each in goods]


def changed(answer):
    """Return {(column, option): count} of a report."""
    return {(each["column"], each["option"]): each["cells"] for each in answer.json["data"]["changed"]}


def problems(answer):
    """Return all messages of a refusal."""
    details = answer.json["error"]["details"]
    return " ".join(str(part) for part in details.values())


# What is in the file: (content, options, names of fields, their values, what options changed, what a plain import says)
FILES = {
    "semicolons and decimal commas": (
        "Name;Price;Weight\nEmma;1.234,50;0,5\nDune;2,5;-3\n",
        {"delimiter": ";", "decimal": ",", "thousands": "."},
        ("name", "price", "weight"),
        [("Emma", "1234.500", 0.5), ("Dune", "2.500", -3.0)],
        {("price", "decimal"): 2, ("price", "thousands"): 1, ("weight", "decimal"): 1},
        "delimiter=;",
    ),
    "days first": (
        "name,bought,seen\nEmma,31.01.2026,31/1/2026 14:30:00Z\nDune,2026-02-01,\n",
        {"date_format": "dmy"},
        ("bought", "seen"),
        [("2026-01-31", "2026-01-31T14:30:00.000000Z"), ("2026-02-01", None)],
        {("bought", "date_format"): 1, ("seen", "date_format"): 1},
        "date_format=dmy",
    ),
    "months first": (
        "name,bought\nEmma,1/31/2026\nDune,2/1/2026\n",
        {"date_format": "mdy"},
        ("bought",),
        [("2026-01-31",), ("2026-02-01",)],
        {("bought", "date_format"): 2},
        "date_format=mdy",
    ),
    "Latin-1": (
        "name,full_note\nDüne,größer\n".encode("latin-1"),
        {"encoding": "latin-1"},
        ("name", "full_note"),
        [("Düne", "größer")],
        {},
        "encoding=windows-1252",
    ),
    "UTF-16 without a mark": (
        "name\tfull_note\nDüne\t„ab“\n".encode("utf-16-le"),
        {"encoding": "utf-16-le", "delimiter": "tab"},
        ("name", "full_note"),
        [("Düne", "„ab“")],
        {},
        "encoding=utf-16-le",
    ),
    "yes and no": (
        "name,sold\nEmma,Yes\nDune,no\nUtopia,true\n",
        {"true": "yes,x", "false": "no"},
        ("sold",),
        [(True,), (False,), (True,)],
        {("sold", "true"): 1, ("sold", "false"): 1},
        "If yes and no are meant, add `true=yes false=no`.",
    ),
    "words for no value": (
        "name,amount,full_note\nEmma,N/A,-\nDune,-,na\n",
        {"null": "N/A,-"},
        ("amount", "full_note"),
        [(None, None), (None, "na")],
        {("amount", "null"): 2, ("full_note", "null"): 1},
        "null=N/A",
    ),
    "percent signs, currencies, thousands and zeros": (
        'name,price,weight,amount,shelf_code\nEmma,"$1,234.50",12.5%,12.0,"1,200"\n',
        {"percent": "divide", "currency": "strip", "thousands": ",", "zeros": "strip"},
        ("price", "weight", "amount"),
        [("1234.500", 0.125, 12)],
        {
            ("price", "thousands"): 1,
            ("price", "currency"): 1,
            ("weight", "percent"): 1,
            ("amount", "zeros"): 1,
            ("shelf_code", "thousands"): 1,
        },
        "add `percent=strip`",
    ),
    "other names": (
        "Title,PRICE,Full Note,Junk\nEmma,1,x,?\n",
        {"map": "Title=name,Junk="},
        ("name", "price", "full_note"),
        [("Emma", "1.000", "x")],
        {},
        'Unknown columns: "Title", "Junk".',
    ),
    "quoted line ends and blank rows": (
        'sep=;\nname;full_note;amount\n"Emma";"a\nb";1\n;;\n"Dune";"c";"2"\n',
        {},
        ("name", "full_note", "amount"),
        [("Emma", "a\nb", 1), ("Dune", "c", 2)],
        {},
        None,
    ),
}


def as_options(query):
    """Return the options of the command for those of a request."""
    several = query.pop("map", "")
    maps = [f"--map={each}" for each in several.split(",") if each]
    return [f"--{name.replace('_', '-')}={value}" for name, value in query.items()] + maps


def test_files_are_read_as_the_options_say(goods, alice, admin, run):
    for what, (content, query, names, expected, counts, plain) in FILES.items():
        text = "&".join(f"{name}={value.replace('%', '%25').replace(' ', '%20')}" for name, value in query.items())
        body = content if isinstance(content, bytes) else content.encode()
        answer = alice.post(f"/goods/import?{text}", data=body, content_type=CSV)
        assert outcome(answer)[1:] == (len(expected), 0, 0), what
        assert changed(answer) == counts, what
        assert stored(admin, *names) == expected, what
        if plain:
            refused = load(alice, content, resource="goods")
            assert refused.status_code == 422, what
            assert plain in problems(refused) + refused.json["error"]["message"], (what, refused.json)
        code, printed, complaints = run(content, *as_options(dict(query)))
        assert code == 0, (what, complaints)
        assert printed.count(" cells read with `") == len(counts), what
        assert stored(admin, *names) == expected, what


LENIENT = {
    "everything that is unambiguous": (
        " Name ;price;Weight;amount;sold;bought;shelf code;\n"
        "Emma;1.234,50;0,5;1.200;Yes;31.12.2026;1.200;\n"
        " ; ;;;;;;\n"
        "Dune;-;#N/A;NA;n;1.2.2026;;;;\n",
        ("name", "price", "weight", "amount", "sold", "bought"),
        [("Emma", "1234.500", 0.5, 1200, True, "2026-12-31"), ("Dune", None, None, None, False, "2026-02-01")],
    ),
    "numbers as they are": (
        "name,price,weight,amount\nEmma,1.234,1e3,7\nNA,5,.5,8\n",
        ("name", "price", "weight", "amount"),
        [("Emma", "1.234", 1000.0, 7), ("NA", "5.000", 0.5, 8)],
    ),
    "another encoding": ("name\nDüne\n".encode("utf-16-be"), ("name",), [("Düne",)]),
    "an amount of money": ('name,price\nEmma,"€1,234"\nDune,€5.5\n', ("price",), [("1234.000",), ("5.500",)]),
}


def test_a_lenient_import_reads_each_column_in_the_only_way_that_fits(goods, alice, admin, run):
    for what, (content, names, expected) in LENIENT.items():
        answer = load(alice, content, resource="goods", lenient="true")
        assert outcome(answer)[1:] == (len(expected), 0, 0), what
        assert stored(admin, *names) == expected, what
        assert run(content, "--lenient")[0] == 0, what
        assert stored(admin, *names) == expected, what
    answer = load(alice, LENIENT["everything that is unambiguous"][0], resource="goods", lenient="true")
    assert (answer.json["data"]["skipped"], answer.json["data"]["rows"]) == (1, 2)
    assert changed(answer)["amount", "thousands"] == 1
    assert [each for each in answer.json["data"]["changed"] if each["column"] == "bought"] == [
        {"column": "bought", "option": "date_format", "cells": 2, "example": "31.12.2026"}
    ]


def test_what_can_be_read_in_several_ways_is_refused_with_the_options(goods, alice, admin, run):
    for content, expected in {
        "name,bought\nEmma,1/2/2026\nDune,3/4/2026\n": (
            'bought: "1/2/2026" can be read in several ways. If 2026-02-01 is meant, add `date_format=dmy`;'
            " if 2026-01-02 is meant, add `date_format=mdy`."
        ),
        'name,price\nEmma,"1,234"\n': (
            'price: "1,234" can be read in several ways. If 1234 is meant, add `thousands=,`;'
            " if 1.234 is meant, add `decimal=,`."
        ),
        "name,weight\nEmma,12%\n": (
            'weight: "12%" can be read in several ways. If 12 is meant, add `percent=strip`;'
            " if 0.12 is meant, add `percent=divide`."
        ),
    }.items():
        answer = load(alice, content, resource="goods", lenient="true")
        assert (answer.status_code, answer.json["error"]["message"]) == (422, expected)
        assert f"Error: {expected}\n" in run(content, "--lenient")[2]
    assert stored(admin, "name") == []
    # An option decides, also with `lenient`.
    content = 'name,weight,bought\nEmma,"1,5%",1/2/2026\n'
    answer = load(alice, content, resource="goods", lenient="true", percent="divide", date_format="mdy")
    assert outcome(answer)[1] == 1
    assert stored(admin, "weight", "bought") == [(0.015, "2026-01-02")]


def test_cells_that_do_not_fit_are_bad_rows(goods, alice, admin):
    content = "name,price,bought\nEmma,1.5,31.01.2026\nDune,two,1.31.2026\n"
    answer = load(alice, content, resource="goods", decimal=",", date_format="dmy")
    assert details_of(answer)["rows"] == {
        "2": ['price: Not a number as `decimal=,` says. Found: "1.5".'],
        "3": [
            'price: Not a number as `decimal=,` says. Found: "two".',
            'bought: Not a day as `date_format=dmy` says. Found: "1.31.2026".'
            " If 2026-01-31 is meant, add `date_format=mdy`.",
        ],
    }
    for lenient in ("true", "false"):  # a column that is written in two ways
        answer = load(alice, 'name,price\nEmma,1.5\nDune,\nUtopia,"2,5"\n', resource="goods", lenient=lenient)
        assert [*answer.json["error"]["details"]["rows"]] == ["4"]
    assert stored(admin, "name") == []


def test_objects_are_read_with_the_same_options(goods, alice, admin):
    content = '{"Title": "Emma", "sold": "yes", "Bought": "31.1.2026", "amount": 5, "x": 1, "price": "1,5"}\n'
    answer = load(alice, content, NDJSON, "goods", map=["Title=name", "x="], true="yes", date_format="dmy", decimal=",")
    assert outcome(answer)[1] == 1
    assert load(alice, content, NDJSON, "goods", map=["Title=name", "x="], lenient="true").status_code == 200
    expected = ("Emma", True, "2026-01-31", 5, "1.500")
    assert stored(admin, "name", "sold", "bought", "amount", "price") == [expected, expected]
    refused = load(alice, '{"name": "Emma", "": 1}\n', NDJSON, "goods", map="Title=name")
    assert "Unknown columns" in problems(refused)
    refused = load(alice, content, NDJSON, "goods", delimiter=";")
    assert details_of(refused) == {"query": {"delimiter": ["Only CSV has a delimiter."]}}


def test_wrong_options_are_refused_by_name(goods, alice, run):
    for query, name in (
        ({"delimiter": "ab"}, "delimiter"),
        ({"encoding": "ebcdic"}, "encoding"),
        ({"decimal": ";"}, "decimal"),
        ({"thousands": "."}, "thousands"),
        ({"true": "y", "false": "Y"}, "false"),
        ({"map": "name"}, "map"),
        ({"map": "Titel=name"}, "map"),
        ({"date_format": "%d.%m.%Y"}, "date_format"),
    ):
        answer = load(alice, "name\nEmma\n", resource="goods", **query)
        assert (answer.status_code, [*answer.json["error"]["details"]["query"]]) == (422, [name]), answer.json
        code, _, complaints = run("name\nEmma\n", *as_options(dict(query)))
        assert code != 0, query
        assert name in complaints.replace("-", "_"), query


def test_a_column_that_is_known_by_two_names_is_not_matched(admin, alice):
    fields = {"ab": {"type": "text"}, "a_b": {"type": "text"}, "secret": {"type": "text", "readable_by": ["admin"]}}
    admin.declare("goods", fields, access={"create": ["member"], "list": ["member"]})
    for name in ("A B", "Secret", "Created At", "Version"):
        answer = load(alice, f"{name}\nx\n", resource="goods")
        assert answer.json["error"]["message"].startswith(f'Unknown columns: "{name}"'), name
    assert "given twice: a_b" in load(alice, "a_b,a_b\nx,y\n", resource="goods").json["error"]["message"]
    assert outcome(load(alice, "a_b\nx\n", resource="goods"))[1] == 1
    message = load(alice, "Title\nx\n", resource="goods", map="Title=aab").json["error"]["message"]
    assert message.startswith('Unknown columns: "aab" (did you mean ab?)')
    assert message.endswith("To leave one out, add `map=Title=`.")
