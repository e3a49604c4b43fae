"""Files as people have them: imports say what is wrong with them, where, and what to do."""

import gzip
import io
import json
import zipfile

import pytest

from backend import create_app
from tests.conftest import ON_SQLITE
from tests.helpers import CSV, NDJSON, load, outcome, texts_of

pytestmark = ON_SQLITE

GOODS = {
    "name": {"type": "string", "required": True, "max_length": 40},
    "price": {"type": "decimal"},
    "amount": {"type": "integer"},
    "note": {"type": "text"},
    "kind": {"type": "enum", "choices": ["tool", "part"]},
    "sold": {"type": "boolean"},
}


@pytest.fixture
def goods(admin):
    """A resource that members fill from files."""
    admin.declare("goods", GOODS, access={action: ["member"] for action in ("list", "read", "create", "update")})


def send(person, content, kind=CSV, **query):
    """Import into `goods` and return (status, message, {line: [messages]})."""
    answer = load(person, content, kind, "goods", **query)
    error = answer.json.get("error", {})
    return answer.status_code, error.get("message", ""), texts_of(error.get("details", {}).get("rows", {}))


def zipped(name, content=b"<x/>"):
    """Return the bytes of an archive with one file in it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, content)
    return out.getvalue()


FILES = {
    "an Excel workbook": (zipped("xl/workbook.xml"), CSV, "an Excel workbook (.xlsx)"),
    "an Excel workbook by its types": (zipped("[Content_Types].xml"), CSV, "an Excel workbook (.xlsx)"),
    "a LibreOffice table": (
        zipped("mimetype", b"application/vnd.oasis.opendocument.spreadsheet"),
        CSV,
        "an OpenDocument spreadsheet (.ods)",
    ),
    "an archive": (zipped("goods.csv"), CSV, "a ZIP archive, not CSV. Unpack it first."),
    "an old workbook": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), CSV, "(.xls)"),
    "gzip": (gzip.compress(b"name\nEmma\n"), CSV, "a gzip file, not CSV. Unpack it first."),
    "gzip of objects": (gzip.compress(b'{"name": "Emma"}\n'), NDJSON, "a gzip file, not NDJSON"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", CSV, "a PDF document"),
    "a page": (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html><body>Sign in</body></html>", CSV, "an HTML page"),
    "a table of a page": (b"<table><tr><td>name</td></tr></table>", CSV, "HTML or XML"),
    "a page for objects": (b"<html></html>", NDJSON, "an HTML page, not NDJSON"),
    "UTF-16 unmarked": ("name\nEmma\n".encode("utf-16-le"), CSV, "Add `encoding=utf-16-le`."),
    "objects as CSV": ('{"name": "Emma"}\n', CSV, "Send it as application/x-ndjson"),
    "an array as CSV": ('[{"name": "Emma"}]\n', CSV, "a JSON array"),
    "an array as objects": ('[{"name": "Emma"},\n{"name": "Dune"}]\n', NDJSON, "a JSON array"),
    "CSV as objects": ("name,price\nEmma,1\n", NDJSON, "Send it as text/csv"),
    "semicolons": ("name;price\nEmma;1,50\n", CSV, "separated by semicolons. Add `delimiter=;`"),
    "quoted semicolons": ('"name";"price"\n"Emma";"1"\n', CSV, "separated by semicolons"),
    "tabs": ("name\tprice\nEmma\t1\n", CSV, "Add `delimiter=tab`"),
    "bars": ("name|price\nEmma|1\n", CSV, "separated by vertical bars"),
    "nothing": ("", CSV, "The file is empty."),
    "blank lines": ("\n,,\n\n", CSV, "The file is empty."),
    "a header with an open quote": ('name,"price\nEmma,1\n', CSV, "Line 1: A quote is opened here and never closed."),
    "a header in Latin-1": ("name,größe\nEmma,1\n".encode("latin-1"), CSV, 'it would be "größe"'),
}


def test_a_file_that_cannot_be_read_is_refused_with_the_reason(goods, alice):
    for what, (content, kind, expected_text) in FILES.items():
        status, message, rows = send(alice, content, kind)
        assert (status, expected_text in message) == (422, True), (what, message)
        assert message in rows["1"][0], what
        assert send(alice, content, kind, keep_good="true") == (status, message, rows), what
    assert alice.get("/goods").json["meta"]["total"] == 0


def test_a_byte_order_mark_and_a_note_of_the_separator_are_believed(goods, alice):
    for encoding in ("utf-8-sig", "utf-16", "utf-32"):
        assert outcome(load(alice, 'name,note\nDüne,"a\nb"\n'.encode(encoding), resource="goods"))[1] == 1
        assert outcome(load(alice, '{"name": "Düne", "note": "a\\nb"}\n'.encode(encoding), NDJSON, "goods"))[1] == 1
    assert outcome(load(alice, 'sep=;\nname;note\nDüne;"a\nb"\n', resource="goods"))[1] == 1
    assert {(each["name"], each["note"]) for each in alice.get("/goods").json["data"]} == {("Düne", "a\nb")}
    status, _, rows = send(alice, "name,note\nEmma,x\nDune,y\n".encode("utf-16")[:-3])
    assert (status, rows) == (422, {"3": ["The line is not valid in the encoding utf-16."]})


ROWS = {
    "a byte": (
        b'name,note\nEmma,x\nDune,"two\nD\xfcne"\nUtopia,\n',
        {"4": 'it would be "Düne". If so, add `encoding=windows-1252`.'},
    ),
    "bytes of nobody": (b"name\nD\x81ne\n", {"2": "The byte 0x81 is not UTF-8"}),
    "an open quote": ('name,note\nEmma,x\nDune,"two\nthree\nfour\n', {"3": "A quote is opened here and never closed."}),
    "text after a quote": ('name,note\nEmma,"x" y\nDune,\n', {"2": 'text follows a closing quote: " y"'}),
    "too many cells": (
        "name,price\nEmma,1,50\n",
        {"2": "a value with a comma must be in quotes"},
    ),
    "too few cells": ("name,price,note\nEmma,1\n", {"2": "2 cells instead of 3"}),
    "words": ("name,amount\nEmma,twelve\n", {"2": 'amount: Write a whole number such as 12. Found: "twelve".'}),
    "a comma": ('name,price\nEmma,"1,50"\n', {"2": 'Found: "1,50".'}),
    "yes": ("name,sold\nEmma,yes\n", {"2": 'Found: "yes".'}),
    "another choice": ("name,kind\nEmma,toll\n", {"2": "Must be one of: tool, part."}),
    "a control character": ("name,amount\nEmma,1\x07\n", {"2": r'Found: "1\x07".'}),
    "NUL": ("name,note\nEmma,a\0b\n", {"2": "NUL characters are not allowed."}),
    "a long value": ("name\n" + "x" * 5000 + "\n", {"2": "x" * 60 + "…"}),
}


def test_a_bad_row_is_reported_with_its_line_and_value(goods, alice):
    for what, (content, expected) in ROWS.items():
        status, message, rows = send(alice, content)
        assert (status, [*rows]) == (422, [*expected]), (what, rows)
        assert message.startswith("Nothing was written: 1 of "), what
        for line, expected_text in expected.items():
            assert expected_text in rows[line][0], (what, rows)
    assert alice.get("/goods").json["meta"]["total"] == 0


OBJECTS = {
    '{"name": "Emma"': "Not JSON at column 16: the text ends too early; a closing bracket or a value is missing.",
    "{'name': 'Emma'}": "Not JSON at column 2",
    '{"name": "Emma",}': "Not JSON at column",
    '{"name": "Emma", "name": "Dune"}': "The key name is given twice, the second time at column 18.",
    '{"name": "Emma", "amount": NaN}': "Not JSON at column 28: NaN is not a number of JSON.",
    '{"name": "Emma", "amount": ' + "9" * 5000 + "}": "A number has too many digits.",
    '{"name": ' + "[" * 100_000: "nested too deeply",
    '["Emma"]': "An object was expected, not an array.",
    "null": "An object was expected, not null.",
    '"Emma"': "An object was expected, not a text.",
    '{"name": "Emma", "amount": "7"}': 'amount: Write a whole number such as 12. Found: "7".',
    '{"nmae": "Emma"}': 'Unknown columns: "nmae" (did you mean name?)',
}


def test_a_line_that_is_no_object_is_explained(goods, alice):
    good = '{"name": "good"}\n'
    for line, expected_text in OBJECTS.items():
        _, _, rows = send(alice, f"{good}\n{line}\n{good}", NDJSON)
        assert [*rows] == ["3"], (line[:80], rows)
        assert expected_text in rows["3"][0], (line[:80], rows)
    assert 'it would be "Düne"' in send(alice, b'{"name": "D\xfcne"}\n', NDJSON)[2]["1"][0]
    assert alice.get("/goods").json["meta"]["total"] == 0


def test_wrong_columns_are_reported_with_the_valid_ones(goods, alice):
    status, message, _ = send(alice, "Name,pirce,zzz\nEmma,1,2\n")
    assert status == 422
    assert message == (
        'Unknown columns: "pirce" (did you mean price?), "zzz". There are: name, price, amount, note, kind, sold.'
        " To leave one out, add `map=pirce=`."
    )
    assert "given twice: price" in send(alice, "name,price,price\nEmma,1,2\n")[1]
    assert "Required columns are missing: name." in send(alice, "price\n1\n")[1]
    assert send(alice, "name,,price\nEmma,,1\n")[1] == (
        "Column 2 has no name in the first line. Name it, or delete the column."
    )


def test_ids_are_taken_as_the_key_or_from_admins(goods, alice, admin):
    given = "id,name,created_at\n01a215c7-a9ec-7000-a680-5d37b7b25d0a,Emma,2020-01-01T00:00:00Z\n"
    assert send(alice, given)[1].startswith('Unknown columns: "id".')
    assert send(admin, given)[0] == 200
    assert admin.get("/goods").json["data"][0]["created_at"].startswith("2020-01-01")


def test_a_header_of_any_length_is_refused_at_once(goods, alice):
    for content, kind in (
        ("name" + ",name" * 150_000 + "\nEmma\n", CSV),
        (",".join(f"x{i}" for i in range(100_000)) + "\n", CSV),
        (json.dumps({f"x{i}": 1 for i in range(50_000)}), NDJSON),
    ):
        answer = load(alice, content, kind, "goods")
        assert answer.status_code == 422
        assert len(answer.data) < 10_000


def test_rows_without_values_are_skipped_and_counted(goods, alice):
    answer = load(alice, "name,price,note\n,,\r\nEmma,1,\n\n,,\nDune,,\n,,\n,,\n", resource="goods")
    assert outcome(answer) == (2, 2, 0, 0)
    assert answer.json["data"]["skipped"] == 5
    lines = '\n{"name": "Utopia"}\n   \n'
    answer = load(alice, lines, NDJSON, "goods")
    assert (outcome(answer), answer.json["data"]["skipped"]) == ((1, 1, 0, 0), 2)


def test_a_file_of_columns_only_is_no_mistake(goods, alice):
    for content in ("name", "name,price\n", "\ufeffname,price\r\n\r\n"):
        assert outcome(load(alice, content, resource="goods")) == (0, 0, 0, 0)


def test_line_ends_of_every_kind_are_read(goods, alice):
    for end in ("\n", "\r\n", "\r"):
        assert outcome(load(alice, end.join(["name,note", 'Emma,"a', 'b"', "Dune,x"]), resource="goods"))[1] == 2
    notes = [each["note"] for each in alice.get("/goods?sort=id").json["data"]]
    assert notes == ["a\nb", "x", "a\r\nb", "x", "a\rb", "x"]


def test_the_command_says_the_same(goods, settings, tmp_path):
    def run(name, content):
        file = tmp_path / name
        file.write_bytes(content)
        runner = create_app(settings).test_cli_runner()
        result = runner.invoke(args=["records", "import", "goods", str(file)])
        assert result.exit_code == 1, result.stdout
        return result.stderr

    assert "Error: The file is an Excel workbook (.xlsx), not CSV. Save it as CSV in UTF-8.\n" in run(
        "goods.xlsx", zipped("xl/workbook.xml")
    )
    assert "The columns are separated by semicolons." in run("goods.csv", b"name;price\nEmma;1\n")
    assert 'Error: Unknown columns: "nmae" (did you mean name?)' in run("goods.csv", b"nmae\nEmma\n")
    assert (
        'line 2: price: Write a decimal such as 12.50 or "12.50". Found: "1,50". If 1.50 is meant, add `decimal=,`.'
        in run("goods.csv", b'name,price\nEmma,"1,50"\n')
    )
    assert "line 2: The key name is given twice, the second time at column 15.\n" in run(
        "goods.NDJSON", b'{"name": "a"}\n{"name": "a", "name": "b"}\n'
    )
