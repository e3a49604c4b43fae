"""`icontains`: letters without regard to case, by the full case folding of Unicode, the same on both databases."""

import pytest
from peewee import SQL

from backend.models.database import database
from backend.utils.folding import TO_MANY, TO_ONE
from tests.conftest import ON_SQLITE

ACCESS = {"list": ["public"], "create": ["member"]}
# What is found, by a part of it in another case.
FOUND = [
    ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", "οδυσσευσ", "ΟΔΥΣ"),
    ("Οδυσσεύς", "ΟΔΥΣΣΕΎΣ", "ς"),
    ("Straße", "STRASSE", "strasse", "STRAẞE", "ss"),
    ("STRASSE", "straße", "ẞ"),
    ("İstanbul", "i̇stanbul", "STANBUL"),
    ("300 \u212a", "k", "K"),
    ("\ufb01n \ufb04uent", "FIN", "fin", "FFL"),
    ("µm", "μM", "\u039cm"),
    ("ſo", "SO"),
    ("ŉ ǰ", "ʼN", "J\u030c"),
    ("ᾳ", "αι", "ΑΙ"),
    ("Ꭰ", "ꭰ"),
    ("Ünder Ärger", "ünder är"),
    ("Война", "ВОЙН"),
    ("plain", "PLAIN"),
]


@pytest.fixture
def notes(admin):
    """A resource for texts."""
    admin.declare("notes", {"text": {"type": "text"}, "n": {"type": "integer"}}, access=ACCESS)


def test_finds_every_letter_in_any_case(notes, alice, stranger):
    for number, (text, *_) in enumerate(FOUND):
        alice.make("notes", text=text, n=number)
    for number, (text, *parts) in enumerate(FOUND):
        for part in (text, *parts):
            for query in ({"text__icontains": part}, {"text__icontains": part.swapcase()}):
                answer = stranger.get("/notes", query_string=query | {"n": number})
                assert answer.json["meta"]["total"] == 1, (text, query)
        assert stranger.get("/notes", query_string={"text__contains": text, "n": number}).json["meta"]["total"] == 1
    for part in ("ΟΔΥΞ", "Strase", "ıstanbul", "%", "_"):
        assert stranger.get("/notes", query_string={"text__icontains": part}).json["meta"]["total"] == 0, part


def test_both_databases_fold_every_character_alike(app):
    with database.connection_context():
        for start in range(0, 0x30000, 0x800):
            cased = [
                each for each in map(chr, range(start, start + 0x800)) if each.isalpha() and each != each.casefold()
            ]
            if cased:
                text, folded = "|".join(cased), "|".join(cased).casefold()
                fold = database.fold
                same = database.position(fold(SQL(database.param, [f"|{text}|"])), fold(SQL(database.param, [folded])))
                rows = database.execute_sql(*database.get_sql_context().literal("SELECT ").sql(same).query())
                assert rows.fetchone()[0] == 2, hex(start)


@ON_SQLITE
def test_the_table_of_irregular_letters_is_complete(app):
    letters = (chr(number) for number in range(0x110000) if not 0xD800 <= number < 0xE000)
    irregular = {each for each in letters if each.casefold().lower() != each.lower()}
    assert {*TO_ONE, *TO_MANY} == irregular | {"İ", "Σ"}
