"""Plans and changes of computed fields, and of the fields that they are computed from."""

from tests.helpers import details_of, state

LINES = {
    "price": {"type": "decimal"},
    "quantity": {"type": "integer"},
    "total": {"type": "decimal", "computed": "price * quantity"},
}


class Lines:
    """A resource with lines of an invoice, and what its admin changes about it."""

    def __init__(self, admin, fields=LINES, **rest):
        self.admin = admin
        admin.declare("lines", fields, **rest)

    def plan(self, fields, **rest):
        """Return the steps of a change, as (action, subject, text, whether it loses data or is impossible)."""
        answer = self.admin.post("/resources/lines/plan", json={"fields": fields, **rest})
        assert answer.status_code == 200, answer.json
        return [
            (step["action"], step["subject"], step["text"], step["loses_data"] or step["impossible"])
            for step in answer.json["data"]["steps"]
        ]

    def change(self, fields, status=200, confirm=None, **rest):
        """Change the definition and return the answer; another PUT of the same changes nothing."""
        query = {"confirm": confirm} if confirm else {}
        answer = self.admin.put("/resources/lines", json={"fields": fields, **rest}, query_string=query)
        assert answer.status_code == status, answer.json
        if status == 200:
            assert self.plan(fields, **rest) == []
        return answer

    def values(self, name):
        """Return the values of a field, in the order in which the lines were created."""
        return [line[name] for line in self.admin.get("/lines?sort=id").json["data"]]


def test_a_field_is_added_changed_renamed_and_dropped(admin):
    lines = Lines(admin, history=True)
    for price, quantity in [("1.50", 2), ("0.10", None), ("2.00", 3)]:
        admin.make("lines", price=price, quantity=quantity)
    more = LINES | {"half": {"type": "number", "computed": "price / 2", "index": True}}
    assert lines.plan(more, history=True) == [
        ("add_field", "half", "Add the field half, computed as `price / 2`.", False)
    ]
    lines.change(more, history=True)
    assert lines.values("half") == [0.75, 0.05, 1.0]
    changed = more | {"total": {"type": "decimal", "computed": "price * coalesce(quantity, 1)"}}
    assert lines.plan(changed, history=True) == [
        ("change_computed", "total", "Compute total as `price * coalesce(quantity, 1)`.", False)
    ]
    lines.change(changed, history=True)
    assert lines.values("total") == ["3.00", "0.10", "6.00"]
    renamed = changed | {"sum_of": changed["total"] | {"renamed_from": "total"}}
    del renamed["total"]
    assert lines.plan(renamed, history=True) == [("rename_field", "sum_of", "Rename the field total to sum_of.", False)]
    lines.change(renamed, history=True)
    assert lines.values("sum_of") == ["3.00", "0.10", "6.00"]
    answer = admin.post("/lines", json={"price": "9999999999.00", "quantity": 2})
    assert set(details_of(answer)["json"]) == {"sum_of"}
    plain = renamed | {"sum_of": {"type": "decimal"}}
    text = "Stop computing sum_of; existing records keep their values."
    assert lines.plan(plain, history=True) == [("change_computed", "sum_of", text, False)]
    lines.change(plain, history=True)
    line = admin.make("lines", sum_of="5.00")
    assert lines.values("sum_of") == ["3.00", "0.10", "6.00", "5.00"]
    assert admin.get(f"/lines/{line['id']}/history").json["data"][0]["changes"]["sum_of"]["to"] == "5.00"
    del plain["half"]
    assert lines.plan(plain, history=True) == [("drop_field", "half", "Drop the field half.", False)]
    lines.change(plain, history=True)
    before = state(admin, "lines")
    answer = lines.change(renamed, 409, history=True)
    assert "Drop the field sum_of with its values in 4 records." in answer.json["error"]["message"]
    assert state(admin, "lines") == before
    lines.change(renamed, history=True, confirm=details_of(answer)["plan"]["fingerprint"])
    assert lines.values("sum_of") == ["3.00", "0.10", "6.00", None]


def test_an_input_is_renamed_converted_and_not_dropped(admin):
    fields = LINES | {"total": LINES["total"] | {"unique": True}, "size": {"type": "string"}}
    fields |= {"area": {"type": "integer", "computed": "quantity * quantity"}}
    lines = Lines(admin, fields)
    for price, quantity, size in [("1.50", 2, "3"), ("0.10", 5, "x"), ("2.00", None, None)]:
        admin.make("lines", price=price, quantity=quantity, size=size)
    renamed = {"cost": fields["price"] | {"renamed_from": "price"}} | fields
    del renamed["price"]
    assert lines.plan(renamed) == [("rename_field", "cost", "Rename the field price to cost.", False)]
    lines.change(renamed)
    assert admin.get("/resources/lines").json["data"]["fields"]["total"]["computed"] == "cost * quantity"
    admin.make("lines", cost="2.00", quantity=4)
    assert lines.values("total") == ["3.00", "0.50", None, "8.00"]
    renamed["total"] = {"type": "decimal", "computed": "cost * quantity", "unique": True}
    without = {name: field for name, field in renamed.items() if name != "cost"}
    answer = lines.change(without, 422)
    problem = {"total": {"computed": ["`cost * quantity`: There is no field cost."]}}
    assert details_of(answer)["json"] == {"fields": problem}
    converted = renamed | {
        "cost": {"type": "decimal", "scale": 3, "renamed_from": "price"},
        "quantity": {"type": "decimal", "scale": 1},
        "area": {"type": "decimal", "computed": "quantity * quantity"},
        "size": {"type": "integer"},
        "boxes": {"type": "integer", "computed": "coalesce(size, n)"},
        "n": {"type": "integer", "default": 7},
    }
    answer = lines.change(converted, 409)
    lines.change(converted, confirm=details_of(answer)["plan"]["fingerprint"])
    admin.make("lines", cost="0.125", quantity="1.5", size=1)
    assert lines.values("total") == ["3.00", "0.50", None, "8.00", "0.19"]
    assert lines.values("area") == ["4.00", "25.00", None, "16.00", "2.25"]
    assert lines.values("boxes") == [3, 7, 7, 7, 1]
    assert admin.post("/lines", json={"cost": "1.000", "quantity": "3.0"}).status_code == 409
    dropped = {name: converted[name] for name in ("quantity", "area")}
    answer = lines.change(dropped, 409)
    lines.change(dropped, confirm=details_of(answer)["plan"]["fingerprint"])
    assert lines.values("area") == ["4.00", "25.00", None, "16.00", "2.25"]


def test_rows_in_place_prevent_what_does_not_fit(admin):
    fields = {name: LINES[name] for name in ("price", "quantity")}
    lines = Lines(admin, fields)
    ids = [
        admin.make("lines", price=price, quantity=quantity)["id"]
        for price, quantity in [("9999999999.00", 2), ("2.00", 3), ("3.00", 2), (None, 7)]
    ]
    before = state(admin, "lines")
    steps = lines.plan(LINES)
    assert steps == [
        (
            "add_field",
            "total",
            "Add the field total, computed as `price * quantity`, which does not fit in 1 record.",
            True,
        )
    ]
    answer = lines.change(LINES, 409)
    assert details_of(answer)["plan"]["steps"][0]["ids"] == ids[:1]
    wide = {"total": {"type": "decimal", "precision": 18, "computed": "price * quantity"}}
    text = "Require unique values of total, although 1 record would repeat values."
    assert lines.plan(fields | wide, unique=[["total"]])[1] == ("add_unique", "total", text, True)
    answer = lines.change(fields | wide, 409, unique=[["total"]])
    assert details_of(answer)["plan"]["steps"][1]["ids"] == [ids[2]]
    converted = LINES | {"price": {"type": "decimal", "scale": 3, "precision": 13}}
    answer = lines.change(converted, 409)
    assert answer.json["error"]["message"] == "Existing records violate a constraint of the new definition."
    square = {"square": {"type": "number", "computed": "big * big"}, "big": {"type": "number"}}
    assert state(admin, "lines") == before
    lines.change(fields | {"big": {"type": "number"}})
    admin.patch(f"/lines/{ids[0]}", json={"big": 1e200})
    lines.change(fields | square, 409)
    assert lines.values("big") == [1e200, None, None, None]


def test_two_computed_fields_and_their_resource_are_renamed_at_once(admin):
    fields = {"n": {"type": "integer"}, "a": {"type": "integer", "computed": "n * 2"}}
    fields |= {"b": {"type": "integer", "computed": "n + 1"}}
    Lines(admin, fields)
    admin.make("lines", n=5)
    swapped = {"m": {"type": "integer", "renamed_from": "n"}}
    swapped |= {"a": fields["b"] | {"renamed_from": "b"}, "b": fields["a"] | {"renamed_from": "a"}}
    body = {"name": "rows", "renamed_from": "lines", "fields": swapped}
    assert admin.put("/resources/lines", json=body).status_code == 200
    (row,) = admin.get("/rows").json["data"]
    assert (row["m"], row["a"], row["b"]) == (5, 6, 10)
    most = 2**63 - 1
    for values, wrong in [({"m": most}, {"a", "b"}), ({"m": most // 2 + 1}, {"b"})]:
        answer = admin.patch(f"/rows/{row['id']}", json=values)
        assert answer.status_code == 422
        assert set(details_of(answer)["json"]) <= wrong


def test_a_field_that_becomes_readable_must_fit_in_all_rows(admin):
    hidden = LINES | {"total": LINES["total"] | {"readable_by": []}}
    lines = Lines(admin, hidden)
    line = admin.make("lines", price="9999999999.00", quantity=2)
    assert line["total"] is None
    rules = "Change who may read or write total."
    refused = "Refuse values that do not fit total, as in 1 record."
    expected = [("change_computed", "total", refused, True), ("change_rules", "total", rules, False)]
    assert lines.plan(LINES) == expected
    lines.change(LINES, 409)
    admin.patch(f"/lines/{line['id']}", json={"quantity": 1})
    assert lines.plan(LINES) == expected[1:]
    lines.change(LINES)
    assert admin.patch(f"/lines/{line['id']}", json={"quantity": 2}).status_code == 422
    lines.change(hidden)
    assert admin.patch(f"/lines/{line['id']}", json={"quantity": 2}).json["data"]["total"] is None
