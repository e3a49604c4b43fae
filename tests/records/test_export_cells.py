"""The cells of an exported CSV file: each as its type writes it, in quotes where necessary, on both databases."""

import pytest

from backend.services.field_types.registry import parse_field
from backend.services.records import exports
from backend.utils.cells import quote_cell
from tests.parts.every_type import EVERYTHING, fill

GOLDEN = [
    "n,string,plain,amount,number,decimal,boolean,date,time,json,email,enum,list",
    "0,,given,3,,1.00,true,,12:00:00,,,'+1,'=",
    "1,,given,-9223372036854775808,0.30000000000000004,-12.50,false,0001-01-01,23:59:59,"
    '"{""=1"": [""=1"", null, 1.5, 1180591620717411303424, ""\u2028""]}",'
    "'+a@example.com,'=cmd|' /C calc'!A0,\"'=cmd\\||\\\\\\||\xe4, b|-\"",
    '2,"","",3,,1.00,true,,12:00:00,"""""",,\'+1,\'=',
    '3, , ,3,,1.00,true,,12:00:00,""" """,,\'+1,\'=',
    '4,\'=1+1,\'=1+1,3,,1.00,true,,12:00:00,"""=1+1""",,\'+1,\'=',
    "5,''=1,''=1,3,,1.00,true,,12:00:00,\"\"\"'=1\"\"\",,'+1,'=",
    "6,'''=1,'''=1,3,,1.00,true,,12:00:00,\"\"\"''=1\"\"\",,'+1,'=",
    '7,\',\',3,,1.00,true,,12:00:00,"""\'""",,\'+1,\'=',
    '8,"\\N","\\N",3,,1.00,true,,12:00:00,"""\\\\N""",,\'+1,\'=',
]
NAMES = [*EVERYTHING]


def exported(person, fields, **query):
    asked = {"format": "csv", "sort": "n,id", "fields": fields, **query}
    with person.get("/things/export", query_string={name: value for name, value in asked.items() if value}) as answer:
        assert answer.status_code == 200, answer.json
        return answer.data.decode("utf-8-sig")


def expected(records, names, delimiter):
    lines = [delimiter.join(names)]
    for record in records:
        cells = []
        for name in names:
            field, value = parse_field(EVERYTHING[name]), record[name]
            null = "" if field.default is None else r"\N"
            cells.append(null if value is None else quote_cell(field.to_cell(value), delimiter))
        line = delimiter.join(cells)
        lines.append(line if line.strip(delimiter) else rf"\N{line}")
    return "".join(f"{line}\r\n" for line in lines)


@pytest.mark.parametrize("rows_at_once", [1, 4, 1000])
def test_each_cell_is_written_as_its_type_says(admin, monkeypatch, rows_at_once):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", rows_at_once)
    fill(admin)
    records = admin.get("/things?sort=n,id&per_page=100").json["data"]
    for names in (NAMES, ["n"], ["string"], ["others", "before"], ["email", "url"], ["json", "n"]):
        for delimiter in ",;|.":
            text = exported(admin, ",".join(names), delimiter=delimiter)
            assert text == expected(records, names, delimiter), (names, delimiter)


def test_the_bytes_of_a_file(admin):
    fill(admin)
    names = "n,string,plain,amount,number,decimal,boolean,date,time,json,email,enum,list"
    text = exported(admin, names, n__lte=8)
    assert text.split("\r\n") == [*GOLDEN, ""]


def test_columns_through_references_are_written_alike(admin):
    fill(admin)
    lines = exported(admin, "", columns="n,before.n,before.string,n", n__lte=1).split("\r\n")
    assert lines == ["n,before.n,before.string,n", "0,,,0", "1,0,,1", ""]
    assert exported(admin, "", columns="n,n", n__lte=1) == "n,n\r\n0,0\r\n1,1\r\n"
