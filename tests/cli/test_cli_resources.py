"""`flask resources`: apply, plan and export files."""

import json

import yaml

from tests.conftest import ON_SQLITE, Person
from tests.helpers import stored_state

SHOP = """
roles:
  buyer: {description: Buys, permissions: ["resources:read"]}
resources:
  notes:
    description: What to buy – früh
    fields:
      title: {type: string, required: true, unique: true}
      shop: {type: reference, to: shops, on_delete: set_null}
      due: {type: date, min: 2026-01-01}
      kind: {type: enum, choices: [food, "yes", "7"]}
      price: {type: decimal, precision: 8, scale: 3, default: "0.500"}
      extra: {type: json, default: {a: [1, null]}}
    indexes: [[due, kind], {fields: [-due, created_at], where: {kind: {in: [food, "yes"]}}}]
    unique: [[title, shop], {fields: [created_by, kind], where: {due: {gte: 2026-01-01}}}]
    search: [title]
    access: {list: [public], create: [buyer, owner]}
  shops:
    fields:
      name: {type: string}
      favourite: {type: reference, to: notes}
      parent: {type: reference, to: shops, on_delete: cascade}
"""

LOSS = "Change name from string to integer, losing the values of 1 record that cannot be converted."
UNCHANGED = ["unchanged buyer", "unchanged notes", "unchanged shops"]

WRONG_DOCUMENTS = {
    "not YAML": ("resources: {", "a closing bracket is missing"),
    "a tag of Python": ("!!python/object/apply:os.getcwd []", "only JSON values are allowed"),
    "nothing": ("", "`resources`"),
    "a list": ("[]", "`resources`"),
    "another part": ("ressources: {}", "`resources`"),
    "resources as a list": ("resources: [notes]", "maps names to declarations"),
    "a resource that is no object": ("resources: {notes: 7}", "notes"),
    "a name twice": ("resources: {notes: {name: notes, fields: {a: {type: string}}}}", "which is its key"),
    "a reserved name": ("resources: {users: {fields: {a: {type: string}}}}", "users is reserved"),
    "a name that is a number": ("resources: {7: {fields: {a: {type: string}}}}", "7"),
    "a field that is a truth": ("resources: {notes: {fields: {yes: {type: string}}}}", "fields"),
    "no fields": ("resources: {notes: {}}", "fields"),
    "an unknown type": ("resources: {notes: {fields: {a: {type: money}}}}", "Must be one of"),
    "a default of no JSON type": (
        "resources: {notes: {fields: {a: {type: json, default: {b: !!set {c}}}}}}",
        "only JSON values",
    ),
    "an infinite default": ("resources: {notes: {fields: {a: {type: json, default: .inf}}}}", "not JSON"),
    "an unknown role": ("resources: {notes: {fields: {a: {type: string}}, access: {list: [x]}}}", "No such role: x"),
    "an unknown target": ("resources: {notes: {fields: {a: {type: reference, to: x}}}}", "no resource x"),
    "a built-in role": ("roles: {admin: {permissions: []}}", "admin"),
    "a role called public": ("roles: {public: {}}", "public"),
    "an unknown permission": ("roles: {buyer: {permissions: [everything]}}", "permissions"),
    "a role that is no object": ("roles: {buyer: [x]}", "buyer"),
    "a role with NUL": ('roles: {buyer: {description: "nul \\0"}}', "NUL"),
    "a name of a role that is a list": ("roles: {? [a] : {}}", "found unhashable key"),
}

CIRCLE = """
resources:
  notes: {fields: {mark: {type: reference, to: marks, required: true}}}
  marks: {fields: {leaf: {type: reference, to: leaves, required: true}}}
  leaves: {fields: {note: {type: reference, to: notes, required: true}}}
"""


def test_applies_a_file(run, written, admin, stranger):
    code, output = run("resources", "apply", written(SHOP))
    assert (code, output.splitlines()) == (0, ["created buyer", "created notes", "created shops"])
    assert stranger.get("/notes").status_code == 200
    assert admin.get("/resources/notes").json["data"]["description"] == "What to buy – früh"


def test_resources_of_one_file_may_refer_to_each_other(run, written, admin):
    run("resources", "apply", written(SHOP))
    shop = admin.make("shops", name="Corner")
    note = admin.make("notes", title="Milk", shop=shop["id"])
    assert admin.patch(f"/shops/{shop['id']}", json={"favourite": note["id"]}).json["data"]["favourite"] == note["id"]
    assert admin.make("shops", name="Branch", parent=shop["id"])["parent"] == shop["id"]


def test_the_same_file_again_changes_nothing(run, written):
    file = written(SHOP)
    run("resources", "apply", file)
    before = stored_state()
    code, output = run("resources", "apply", file)
    assert (code, output.splitlines()) == (0, UNCHANGED)
    assert stored_state() == before


def test_exports_what_was_applied(run, written):
    run("resources", "apply", written(SHOP))
    code, exported = run("resources", "export")
    assert code == 0
    expected = yaml.safe_load(SHOP.replace("2026-01-01", '"2026-01-01"'))
    assert yaml.safe_load(exported) == expected
    assert list(yaml.safe_load(exported)["resources"]["notes"]["fields"]) == list(
        expected["resources"]["notes"]["fields"]
    )


def test_an_export_applied_again_changes_nothing(run, written):
    run("resources", "apply", written(SHOP))
    before = stored_state()
    exported = run("resources", "export")[1]
    assert run("resources", "apply", written(exported))[1].splitlines() == UNCHANGED
    assert stored_state() == before


@ON_SQLITE
def test_exports_to_a_file(run, written, tmp_path):
    run("resources", "apply", written(SHOP))
    file = tmp_path / "export.yml"
    assert run("resources", "export", file) == (0, "")
    assert file.read_text(encoding="utf-8") == run("resources", "export")[1]
    assert "früh" in file.read_text(encoding="utf-8")


@ON_SQLITE
def test_an_export_of_nothing_can_be_applied(run, tmp_path):
    run("resources", "export", tmp_path / "empty.yml")
    assert run("resources", "apply", tmp_path / "empty.yml") == (0, "")


@ON_SQLITE
def test_resources_that_a_file_does_not_name_stay(run, written, admin):
    admin.declare("books", {"title": {"type": "string"}})
    run("resources", "apply", written(SHOP))
    assert admin.get("/books").status_code == 200


def test_applies_changes(run, written):
    run("resources", "apply", written(SHOP))
    changed = SHOP.replace("name: {type: string}", "name: {type: string}\n      city: {type: string}")
    changed = changed.replace("description: Buys", "description: Buys things")
    assert run("resources", "apply", written(changed))[1].splitlines() == [
        *("changed buyer", "unchanged notes", "changed shops")
    ]


def test_a_change_that_cannot_be_made_undoes_the_whole_file(run, written, admin):
    run("resources", "apply", written(SHOP))
    before = stored_state()
    admin.make("shops", name="Corner")
    changed = SHOP.replace("name: {type: string}", "name: {type: string, required: true, max_length: 3}")
    changed += "  books: {fields: {a: {type: text}}}\n"
    code, output = run("resources", "apply", written(changed.replace("description: Buys", "description: Sells")))
    assert code == 1
    assert "shops: Allow fewer values of name, although 1 record would not fit." in output
    assert stored_state() == before
    assert "Sells" not in run("resources", "export")[1]


def test_plans_what_it_would_apply(run, written, admin):
    assert run("resources", "plan", written(SHOP))[1].splitlines() == [
        "roles: Create the role buyer.",
        *("notes: Create the resource notes.", "shops: Create the resource shops."),
    ]
    run("resources", "apply", written(SHOP))
    assert run("resources", "plan", written(SHOP)) == (0, "There is nothing to do.\n")
    admin.make("shops", name="Corner")
    before = stored_state()
    numbers = SHOP.replace("name: {type: string}", "name: {type: integer}")
    code, output = run("resources", "plan", written(numbers))
    assert (code, output.splitlines()[0]) == (0, f"shops: loses data: {LOSS}")
    required = numbers.replace("integer}", "integer, required: true}")
    found = json.loads(run("resources", "plan", "--json", written(required))[1])
    assert (found["possible"], stored_state()) == (False, before)


def test_loses_data_only_with_the_fingerprint(run, written, admin):
    run("resources", "apply", written(SHOP))
    shop = admin.make("shops", name="Corner")
    admin.make("notes", title="Milk", shop=shop["id"])
    without = SHOP[: SHOP.index("  shops:")].replace("reference, to: shops, on_delete: set_null", "uuid")
    changed = written(without + "  shops:\n")
    fingerprint = run("resources", "plan", changed)[1].split()[-1]
    code, output = run("resources", "apply", changed)
    assert (code, fingerprint in output) == (1, True)
    code, output = run("resources", "apply", changed, "--confirm", fingerprint)
    assert (code, output.splitlines()[-1]) == (0, "dropped shops"), output
    assert admin.get("/shops").status_code == 404


def test_a_folder_is_one_declaration(run, tmp_path):
    folder = tmp_path / "declared"
    folder.mkdir()
    (folder / "a.yml").write_text("resources: {a: {fields: {b: {type: reference, to: b}}}}")
    (folder / "b.yaml").write_text("resources: {b: {fields: {a: {type: reference, to: a}}}}")
    assert run("resources", "apply", folder) == (0, "created a\ncreated b\n")
    (folder / "c.yml").write_text("resources: {b: {fields: {c: {type: text}}}}")
    code, output = run("resources", "plan", folder)
    assert code == 1
    assert "declares b a second time" in output


def test_a_wrong_file_in_a_folder_is_explained(run, tmp_path):
    folder = tmp_path / "declared"
    folder.mkdir()
    (folder / "a.yml").write_text("resources: {a: {fields: {b: {type: text}}}}")
    for wrong in ("[]", "resources: [b]", "resources: 7"):
        (folder / "b.yml").write_text(wrong)
        code, output = run("resources", "apply", folder)
        assert (code, output.startswith("Error: ")) == (1, True), (wrong, output)


def test_wrong_files_are_explained_and_change_nothing(run, written):
    before = stored_state()
    for what, (text, reason) in WRONG_DOCUMENTS.items():
        code, output = run("resources", "apply", written(text))
        assert code == 1, what
        assert output.startswith("Error: "), (what, output)
        assert reason in output, (what, output)
    assert stored_state() == before


@ON_SQLITE
def test_refuses_a_cycle_of_required_references(run, written):
    before = stored_state()
    code, output = run("resources", "apply", written(CIRCLE))
    assert code == 1
    assert "notes -> marks -> leaves -> notes" in output
    assert stored_state() == before


def test_a_cycle_with_one_optional_reference_is_accepted(run, written, admin):
    code, _ = run("resources", "apply", written(CIRCLE.replace("notes, required: true", "notes")))
    assert code == 0
    leaf = admin.make("leaves")
    mark = admin.make("marks", leaf=leaf["id"])
    assert admin.make("notes", mark=mark["id"])["mark"] == mark["id"]


@ON_SQLITE
def test_dates_need_no_quotes_in_yaml(run, written, admin):
    run("resources", "apply", written(SHOP))
    assert admin.get("/resources/notes").json["data"]["fields"]["due"] == {"type": "date", "min": "2026-01-01"}
    assert admin.post("/notes", json={"title": "Milk", "due": "2025-12-31"}).status_code == 422


HOURS = """
resources:
  shops:
    fields:
      opens: {type: time, min: 06:30, max: 10:30:00, default: 08:00}
      number: {type: sequence}
"""


@ON_SQLITE
def test_times_need_no_quotes_in_yaml(run, written, admin, tmp_path):
    run("resources", "apply", written(HOURS))
    fields = {"type": "time", "min": "06:30:00", "max": "10:30:00", "default": "08:00"}
    assert admin.get("/resources/shops").json["data"]["fields"]["opens"] == fields
    file = tmp_path / "exported.yml"
    assert run("resources", "export", file)[0] == 0
    assert run("resources", "apply", file) == (0, "unchanged shops\n")


def test_an_export_can_continue_the_numbers_of_sequences(run, written, admin, tmp_path):
    run("resources", "apply", written(HOURS))
    for _ in range(2):
        admin.delete(f"/shops/{admin.make('shops')['id']}")
    plain, continued = tmp_path / "plain.yml", tmp_path / "continued.yml"
    run("resources", "export", plain)
    run("resources", "export", "--next-numbers", continued)
    assert plain.read_text().replace("type: sequence", "type: sequence\n        start: 3") == continued.read_text()
    run("resources", "apply", continued)
    assert admin.make("shops")["number"] == 3


@ON_SQLITE
def test_a_file_that_is_not_utf_8_is_explained(run, tmp_path):
    file = tmp_path / "latin.yml"
    file.write_bytes("resources: {notes: {description: früh}}".encode("latin-1"))
    code, output = run("resources", "apply", file)
    assert code == 1
    assert "UTF-8" in output


@ON_SQLITE
def test_a_file_that_cannot_be_written_is_explained(run, tmp_path):
    code, output = run("resources", "export", tmp_path / "nowhere" / "export.yml")
    assert code == 1
    assert output.startswith("Error: ")
    assert "No such file" in output


def test_a_running_app_serves_what_the_command_line_made(run, written, app):
    alice = Person(app, "alice")
    assert alice.get("/shops").status_code == 404
    run("resources", "apply", written(SHOP))
    assert alice.get("/shops").status_code == 403


def test_a_field_declared_twice_is_refused(app, tmp_path):
    file = tmp_path / "twice.yml"
    file.write_text("resources: {notes: {fields: {a: {type: string}, a: {type: integer}}}}")
    result = app.test_cli_runner().invoke(args=["resources", "apply", str(file)])
    assert result.exit_code == 1
    assert "'a' is given twice" in result.output
