"""Finding out how the values of a column are written."""

import pytest

from backend.services.errors import Invalid
from backend.services.field_types import cell_kinds as kinds
from backend.services.records.row_files.formats import read_format
from backend.services.records.row_files.surveys import Survey, hint, reader

COLUMNS = {
    # (kind, values): {options: what the value that shows the difference means}
    (kinds.NUMBER, ("1,234", "5")): {"thousands=,": "1234", "decimal=,": "1.234"},
    (kinds.NUMBER, ("1,234", "5,6")): {"decimal=,": "1.234"},
    (kinds.NUMBER, ("1,234", "5.6")): {"thousands=,": "1234"},
    (kinds.NUMBER, ("1.234", "5")): {"": ""},  # what a plain import reads is never read otherwise
    (kinds.NUMBER, ("1.234", "1.234.567")): {"decimal=, thousands=.": "1234"},
    (kinds.NUMBER, ("1 234,50 €", "-3")): {"decimal=, thousands=space currency=strip": "1234.50"},
    (kinds.NUMBER, ("1\u202f234", "3")): {"thousands=space": "1234"},
    (kinds.NUMBER, ("1\u2019234.5",)): {"thousands='": "1234.5"},
    (kinds.NUMBER, ("-$1,234.50", "$3")): {"thousands=, currency=strip": "-1234.50"},
    (kinds.NUMBER, ("12,5 %",)): {"decimal=, percent=strip": "12.5", "decimal=, percent=divide": "0.125"},
    (kinds.NUMBER, ("$5", "€6")): {"": ""},  # two currencies are no amounts of one
    (kinds.NUMBER, ("12.5", "1,5")): {"": ""},
    (kinds.NUMBER, ("1,50", "abc")): {"decimal=,": "1.50"},
    (kinds.WHOLE, ("12%", "5%")): {"percent=strip": "12"},
    (kinds.WHOLE, ("12.0", "3")): {"zeros=strip": "12"},
    (kinds.WHOLE, ("1.000",)): {"zeros=strip": "1", "decimal=, thousands=.": "1000"},
    (kinds.WHOLE, ("1.000", "1.5")): {"zeros=strip": "1", "decimal=, thousands=.": "1000"},
    (kinds.BOOLEAN, ("Yes", "no")): {"true=yes,y,t,1,on false=no,n,f,0,off": "true"},
    (kinds.BOOLEAN, ("true", "FALSE")): {"": ""},
    (kinds.DAY, ("1/2/2020", "2020-01-01")): {"date_format=dmy": "2020-02-01", "date_format=mdy": "2020-01-02"},
    (kinds.DAY, ("1/2/2020", "13/2/2020")): {"date_format=dmy": "2020-02-01"},
    (kinds.DAY, ("1.2.2020", "2.13.2020")): {"date_format=mdy": "2020-01-02"},
    (kinds.DAY, ("5/5/2020",)): {"date_format=dmy": "2020-05-05"},  # the same in both orders
    (kinds.DAY, ("20200131", "2020/2/1")): {"date_format=ymd": "2020-01-31"},
    (kinds.DAY, ("1/2/20",)): {"": ""},
    (kinds.MOMENT, ("31.01.2026 14:30:00Z",)): {"date_format=dmy": "2026-01-31T14:30:00Z"},
}


def test_a_survey_finds_the_options_that_read_all_values():
    for (kind, values), expected in COLUMNS.items():
        survey = Survey(kind)
        for value in values:
            survey.add(value)
        assert {str(choice.notation): choice.value for choice in survey.choices} == expected, (kind, values)


def test_a_survey_says_whether_one_notation_reads_all_values():
    for values, expected in {(): False, ("1,5", "2,5"): True, ("1,5", "2.5"): False, ("1,5", "x"): False}.items():
        survey = Survey(kinds.NUMBER)
        for value in values:
            survey.add(value)
        assert survey.is_readable == expected, values


def test_nothing_else_is_read_as_a_number():
    lenient = read_format(decimal=".", thousands=",", percent="divide", currency="strip", zeros="strip").notation
    read = reader(kinds.NUMBER, lenient)
    for text in ("", "-", "1,50", "12,34,567", "1,234,56", "1 234", "$", "$5€", "--5", "1.", "5%%", "x5", "1_000", "٣"):
        assert read(text) is None, text
    assert [read(text).text for text in ("7%", "+1,234.5%", ".5", "\u22125", "0.50%")] == [
        "0.07", "12.345", "0.5", "-5", "0.005",
    ]  # fmt: skip


def test_a_hint_names_the_option_that_reads_a_value():
    assert hint(kinds.NUMBER, "1,234") == ("If 1234 is meant, add `thousands=,`; if 1.234 is meant, add `decimal=,`.")
    assert hint(kinds.NUMBER, "N/A") == 'If "N/A" means no value, add `null=N/A`.'
    assert hint(kinds.BOOLEAN, "Y") == "If y and n are meant, add `true=y false=n`."
    assert hint(kinds.DAY, "1/2/20") == "Write years with four digits."
    assert hint(kinds.NUMBER, "abc") == ""


def test_wrong_options_are_refused_by_name():
    wrong = {
        "delimiter": {"delimiter": "ab"},
        "encoding": {"encoding": "ebcdic"},
        "thousands": {"thousands": "."},
        "date_format": {"date_format": "%d"},
        "false": {"true": ["Yes"], "false": ["yes"]},
        "map": {"map": ["name"]},
    }
    for option, options in wrong.items():
        with pytest.raises(Invalid) as refused:
            read_format(**options)
        assert [*refused.value.errors] == [option]
