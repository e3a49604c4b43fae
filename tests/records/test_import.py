"""`flask records import`."""

import pytest
import yaml

from backend import create_app
from tests.conftest import ON_SQLITE

BOOKS = {
    "title": {"type": "string", "required": True, "max_length": 40},
    "isbn": {"type": "string", "unique": True},
    "shelf": {"type": "reference", "to": "shelves"},
    "sequel_of": {"type": "reference", "to": "books"},
    "pages": {"type": "integer", "min": 1, "default": 1},
    "price": {"type": "decimal"},
    "read": {"type": "boolean"},
    "bought": {"type": "date"},
    "kind": {"type": "enum", "choices": ["novel", "other"]},
    "notes": {"type": "text"},
    "tags": {"type": "json"},
}


@pytest.fixture
def shelf(admin):
    """A shelf, beside a resource of books."""
    admin.declare("shelves", {"code": {"type": "string", "required": True, "unique": True}, "room": {"type": "string"}})
    admin.declare("books", BOOKS, unique=[["title", "bought"]])
    return admin.make("shelves", code="A1", room="hall")


@pytest.fixture
def load(settings, tmp_path):
    """Writes a CSV file, imports it into `books`, and returns (exit code, what was printed, what was complained of)."""

    def run(content, *options, resource="books"):
        file = tmp_path / "books.csv"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        # On an app of its own: a command is a process of its own, which reads the definitions when it starts.
        result = (
            create_app(settings).test_cli_runner().invoke(args=["records", "import", resource, str(file), *options])
        )
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.stdout.splitlines(), result.stderr

    return run


def rows(admin, *names):
    """Return the named fields of all books, in the order they were made."""
    books = admin.get("/books?sort=id&per_page=200").json["data"]
    return [tuple(book[name] for name in names) for book in books]


def test_imports_each_line_as_a_record(shelf, load, admin):
    csv = (
        "title,pages,price,read,bought,kind,tags\n"
        'Emma,474,12.50,true,2026-01-31,novel,"[1, {""a"": null}]"\n'
        "Dune,612,0.5,FALSE,,other,\n"
    )
    assert load(csv)[:2] == (0, ["books: 2 rows read, 2 written, 0 bad."])
    assert rows(admin, "title", "pages", "price", "read", "bought", "kind", "tags") == [
        ("Emma", 474, "12.50", True, "2026-01-31", "novel", [1, {"a": None}]),
        ("Dune", 612, "0.50", False, None, "other", None),
    ]


@ON_SQLITE
def test_records_have_their_system_fields(shelf, load, admin):
    load("title\nEmma\n")
    book = admin.get("/books").json["data"][0]
    assert (book["version"], book["created_by"]) == (1, None)
    assert book["created_at"] == book["updated_at"]


def test_columns_whose_names_differ_by_a_number_are_not_mixed_up(admin, load):
    admin.declare("books", {"n": {"type": "integer"}, "n1": {"type": "integer"}})
    lines = "".join(f"{i},{1000 + i}\n" for i in range(30))
    assert load(f"n,n1\n{lines}")[0] == 0
    assert rows(admin, "n", "n1") == [(i, 1000 + i) for i in range(30)]


def test_a_blank_cell_is_a_missing_value(shelf, load, admin):
    assert load("title,pages,isbn,shelf,notes\nEmma,,,,\nDune,,,,\n")[0] == 0
    assert rows(admin, "title", "pages", "isbn", "shelf", "notes") == [
        ("Emma", 1, None, None, None),
        ("Dune", 1, None, None, None),
    ]


def test_references_by_a_unique_field_and_by_id(shelf, load, admin):
    assert load("title,shelf_code\nEmma,A1\n")[0] == 0
    assert load(f"title,shelf_id\nDune,{shelf['id']}\n")[0] == 0
    assert load(f"title,shelf\nUtopia,{shelf['id'].upper()}\n")[0] == 0
    assert rows(admin, "shelf") == [(shelf["id"],)] * 3


def test_a_reference_to_nothing_is_a_bad_row(shelf, load, admin):
    code, _, complaints = load("title,shelf_code\nEmma,A1\nDune,B2\n")
    assert code == 1
    assert "line 3: shelf: There is no record of shelves with the code B2." in complaints
    assert rows(admin, "title") == []


def test_a_row_may_refer_to_an_earlier_row_of_the_file(shelf, load, admin):
    assert load("title,isbn,sequel_of_isbn\nDune,1,\nMessiah,2,1\nChildren,3,2\n")[0] == 0
    dune, messiah, children = admin.get("/books?sort=id").json["data"]
    assert (messiah["sequel_of"], children["sequel_of"]) == (dune["id"], messiah["id"])


def test_a_row_may_refer_to_a_later_row_of_the_file(shelf, load, admin):
    noise = "".join(f"Noise {i},n{i},\n" for i in range(400))
    assert load(f"title,isbn,sequel_of_isbn\nChildren,3,2\nGod,4,2\n{noise}Messiah,2,1\nDune,1,\n")[0] == 0
    books = {book["title"]: book for book in admin.get("/books?title__in=Dune,Messiah,Children,God").json["data"]}
    before = {title: book["sequel_of"] for title, book in books.items()}
    dune, messiah = books["Dune"]["id"], books["Messiah"]["id"]
    assert before == {"Dune": None, "Messiah": dune, "Children": messiah, "God": messiah}


def test_a_tree_is_imported_by_id_in_any_order(shelf, load, admin):
    ids = [f"01a215c7-a9ec-7000-a680-5d37b7b25d{number:02d}" for number in range(30)]
    lines = [f"{each},Part {number},{ids[number - 1] if number else ''}\n" for number, each in enumerate(ids)]
    assert load("id,title,sequel_of\n" + "".join(reversed(lines)))[:2] == (
        0,
        ["books: 30 rows read, 30 written, 0 bad."],
    )
    found = {book["id"]: book["sequel_of"] for book in admin.get("/books?per_page=100").json["data"]}
    assert found == dict(zip(ids, [None, *ids], strict=False))


def test_rows_that_refer_to_each_other_in_a_circle_are_bad(shelf, load, admin):
    circle = "A,1,3\nB,2,1\nC,3,2\n"
    content = f"title,isbn,sequel_of_isbn\n{circle}On a circle,4,2\nSelf,5,5\nLost,6,7\nAfter lost,8,6\nGood,9,\n"
    code, printed, complaints = load(content, "--keep-good")
    assert (code, printed) == (1, ["books: 8 rows read, 1 written, 7 bad."])
    advice = "Leave one of the references empty, and set it with a second import."
    assert [line for line in complaints.splitlines() if line.startswith("line ")] == [
        *(
            f"line {line}: sequel_of: The rows in lines 2, 3, 4 refer to each other in a circle. {advice}"
            for line in (2, 3, 4)
        ),
        "line 5: sequel_of: There is no record of books with the isbn 2.",
        "line 6: sequel_of: The row refers to itself. Leave it empty, and set it with a second import.",
        "line 7: sequel_of: There is no record of books with the isbn 7.",
        "line 8: sequel_of: There is no record of books with the isbn 6.",
    ]
    assert rows(admin, "title") == [("Good",)]


def test_rows_with_the_key_of_a_row_that_waits_are_written_after_it(shelf, load, admin):
    content = "isbn,title,sequel_of_isbn\n1,First,9\n1,Second,\n1,Third,9\n2,Lost,7\n2,Found,\n9,Target,\n"
    code, printed, complaints = load(content, "--key", "isbn", "--keep-good")
    assert (code, printed) == (1, ["books: 6 rows read, 5 written, 1 bad."])
    assert "line 5: sequel_of: There is no record of books with the isbn 7." in complaints
    target = admin.get("/books?isbn=9").json["data"][0]["id"]
    found = {
        book["isbn"]: (book["title"], book["sequel_of"], book["version"]) for book in admin.get("/books").json["data"]
    }
    assert found == {"9": ("Target", None, 1), "1": ("Third", target, 3), "2": ("Found", None, 1)}


def test_a_unique_set_is_a_key(shelf, load, admin):
    assert load("title,bought,pages\nEmma,2026-01-01,1\nEmma,2026-01-02,2\n")[0] == 0
    content = "title,bought,pages\nEmma,2026-01-02,5\nDune,2026-01-02,6\nDune,2026-01-02,7\nEmma,,8\n"
    code, printed, complaints = load(content, "--key", "bought,title", "--keep-good")
    assert (code, printed) == (1, ["books: 4 rows read, 3 written, 1 bad."])
    assert "line 5: bought: A value is required, because this field is the key." in complaints
    assert rows(admin, "title", "bought", "pages", "version") == [
        ("Emma", "2026-01-01", 1, 1),
        ("Emma", "2026-01-02", 5, 2),
        ("Dune", "2026-01-02", 7, 2),
    ]
    assert "The columns of the key are missing: bought." in load("title\nEmma\n", "--key", "title,bought")[2]
    assert "Must be one of: id; isbn; title,bought." in load("title\nEmma\n", "--key", "title")[2]


@ON_SQLITE
def test_cells_may_hold_quotes_commas_and_newlines(shelf, load, admin):
    csv = 'title,notes\r\n"The ""Raven"", etc.","one\r\ntwo, ""three"""\r\n\r\nEmma,Ünïcödé 📕\r\n'
    assert load(csv)[0] == 0
    assert rows(admin, "title", "notes") == [('The "Raven", etc.', 'one\r\ntwo, "three"'), ("Emma", "Ünïcödé 📕")]


@ON_SQLITE
def test_a_byte_order_mark_is_not_part_of_the_first_column_name(shelf, load, admin):
    assert load(b"\xef\xbb\xbftitle\nEmma\n")[0] == 0
    assert rows(admin, "title") == [("Emma",)]


WRONG_COLUMNS = {
    "unknown": ("title,titel\nEmma,x\n", "titel"),
    "by a field that is not unique": ("title,shelf_room\nEmma,hall\n", "shelf_room"),
    "twice": ("title,pages,title\nEmma,1,x\n", "title"),
    "a reference twice": ("title,shelf,shelf_code\nEmma,,A1\n", "shelf"),
    "missing": ("isbn\n1\n", "title"),
    "without a name": ("title,\nEmma,x\n", ""),
}


@ON_SQLITE
def test_wrong_columns_are_explained_and_nothing_is_written(shelf, load, admin):
    for what, (csv, name) in WRONG_COLUMNS.items():
        code, printed, complaints = load(csv)
        assert (code, printed) == (1, []), what
        listed = yaml.safe_load(complaints[complaints.index("\ncolumns:\n") :])["columns"]
        assert name in listed, (what, complaints)
    assert rows(admin, "title") == []


BAD_ROWS = """title,pages,price,read,kind,isbn
Emma,474,1.00,true,novel,1
,1,1.00,true,novel,2
Dune,many,1.00,true,novel,3
Dune,0,1.00,true,novel,4
Dune,1,1.001,maybe,novel,5
Dune,1,1.00,true,play,6
Dune,1
"Two
lines",-1,,,,
A title much longer than the forty characters it may have,1,1.00,true,novel,8
"""


@ON_SQLITE
def test_bad_rows_are_listed_with_line_and_reason(shelf, load, admin):
    code, printed, complaints = load(BAD_ROWS)
    assert (code, printed) == (1, ["books: 9 rows read, 0 written, 8 bad."])
    named: dict[str, list[str]] = {}
    for line, reason in (each.split(": ", 1) for each in complaints.splitlines() if each.startswith("line ")):
        named.setdefault(line, []).append(reason.split(":")[0])
    assert named == {
        "line 3": ["title"],
        "line 4": ["pages"],
        "line 5": ["pages"],
        "line 6": ["price", "read"],
        "line 7": ["kind"],
        "line 8": ["2 cells instead of 6"],
        "line 9": ["pages"],
        "line 11": ["title"],
    }
    assert rows(admin, "title") == []


def test_keep_good_leaves_out_the_bad_rows_only(shelf, load, admin):
    code, printed, _ = load(BAD_ROWS + "Utopia,1,1.00,true,novel,9\n", "--keep-good")
    assert (code, printed) == (1, ["books: 10 rows read, 2 written, 8 bad."])
    assert rows(admin, "title") == [("Emma",), ("Utopia",)]


def test_a_dry_run_checks_everything_and_writes_nothing(shelf, load, admin):
    assert load("title\nEmma\nDune\n", "--dry-run")[:2] == (0, ["books: 2 rows read, 2 would be written, 0 bad."])
    code, printed, _ = load(BAD_ROWS, "--dry-run", "--keep-good")
    assert (code, printed) == (1, ["books: 9 rows read, 1 would be written, 8 bad."])
    assert rows(admin, "title") == []


def test_a_dry_run_finds_duplicates_too(shelf, load):
    code, printed, complaints = load("title,isbn\nEmma,1\nDune,1\n", "--dry-run")
    assert (code, printed) == (1, ["books: 2 rows read, 1 would be written, 1 bad."])
    assert "line 3: " in complaints


@ON_SQLITE
def test_if_empty_does_nothing_when_there_are_records(shelf, load, admin):
    assert load("title\nEmma\n", "--if-empty")[0] == 0
    assert load("title\nDune\n", "--if-empty")[:2] == (0, ["books has records; nothing was imported."])
    assert rows(admin, "title") == [("Emma",)]


def test_duplicates_within_the_file_and_with_the_table_are_bad_rows(shelf, load, admin):
    admin.make("books", title="Emma", isbn="1")
    csv = "title,isbn,bought\nDune,2,2026-01-01\nMessiah,1,\nDune,3,2026-01-01\nUtopia,2,\nChildren,4,\n"
    code, printed, complaints = load(csv, "--keep-good")
    assert (code, printed) == (1, ["books: 5 rows read, 2 written, 3 bad."])
    assert [line for line in complaints.splitlines() if line.startswith("line ")] == [
        "line 3: Another record of books has this isbn.",
        "line 4: Another record of books has this title and bought.",
        "line 5: Another record of books has this isbn.",
    ]
    assert rows(admin, "title") == [("Emma",), ("Dune",), ("Children",)]


def test_a_duplicate_undoes_the_whole_file(shelf, load, admin):
    admin.make("books", title="Emma", isbn="1")
    assert load("title,isbn\nDune,2\nMessiah,1\n")[0] == 1
    assert rows(admin, "title") == [("Emma",)]


@ON_SQLITE
def test_a_file_that_is_not_utf_8_writes_nothing(shelf, load, admin):
    for content in ("title\nEmma\nDüne\n".encode("latin-1"), "title\nEmma\n".encode("utf-16-be")):
        code, _, complaints = load(content)
        assert code == 1
        assert "encoding=" in complaints
    assert rows(admin, "title") == []


@ON_SQLITE
def test_an_empty_file_is_explained(shelf, load):
    for content in ("", "\n\n", b"\xef\xbb\xbf"):
        code, _, complaints = load(content)
        assert code == 1
        assert "The file is empty. Its first line must name the columns." in complaints


@ON_SQLITE
def test_a_file_of_columns_only_imports_nothing(shelf, load):
    assert load("title,isbn\n")[:2] == (0, ["books: 0 rows read, 0 written, 0 bad."])


@ON_SQLITE
def test_an_open_quote_is_a_bad_row(shelf, load, admin):
    code, _, complaints = load('title,notes\nEmma,x\nDune,"never closed\n')
    assert code == 1
    assert "line 3: A quote is opened here and never closed." in complaints
    assert rows(admin, "title") == []


def test_text_that_cannot_be_stored_is_a_bad_row(shelf, load, admin):
    code, _, complaints = load('title,tags\nno\0thing,\nEmma,"""\\ud800"""\nDune,' + "[" * 5000 + "\n")
    assert code == 1
    assert [f"line {number}: " in complaints for number in (2, 3, 4)] == [True] * 3
    assert rows(admin, "title") == []


def test_a_file_of_many_rows_crosses_batches(shelf, load, admin):
    lines = [f"Book {number},{number}" for number in range(1000)]
    assert load("title,isbn\n" + "\n".join(lines))[1] == ["books: 1000 rows read, 1000 written, 0 bad."]
    assert admin.get("/books").json["meta"]["total"] == 1000
    lines[700] = "Book 700,x,y"
    code, printed, complaints = load("title,isbn\n" + "\n".join(lines).replace(",", ",n"), "--keep-good")
    assert (code, printed) == (1, ["books: 1000 rows read, 999 written, 1 bad."])
    assert "line 702: 3 cells instead of 2" in complaints


@ON_SQLITE
def test_an_unknown_resource_is_explained(shelf, load):
    code, _, complaints = load("title\nEmma\n", resource="nothing")
    assert code == 1
    assert complaints == "Error: There is no resource nothing.\n"


@ON_SQLITE
def test_a_missing_file_is_explained(app, tmp_path):
    result = app.test_cli_runner().invoke(args=["records", "import", "books", str(tmp_path / "nothing.csv")])
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
