"""`email`: addresses, normalised."""

from tests.field_types.contract import FieldTypeContract


class TestEmail(FieldTypeContract):
    kept = [
        ("ada@example.com", "ada@example.com"),
        ("Ada@EXAMPLE.com", "Ada@example.com"),
        ("ada@localhost", "ada@localhost"),
        ("ada@nas.local", "ada@nas.local"),
        ("a.b+c@sub.example.org", "a.b+c@sub.example.org"),
        ("ada@bücher.example.com", "ada@bücher.example.com"),
    ]
    refused = [
        *(1, True, [], {}, "", "ada", "ada@", "@example.com", "a b@example.com", "ada@@example.com"),
        *("ada@example.com\n", "ada@exa mple.com", "ada@-example.com", "x" * 65 + "@example.com", "ada@[127.0.0.1]"),
        *("Ada <ada@example.com>", "a@example.com,b@example.com", "a\0b@example.com", f"a@{'x' * 250}.com"),
    ]
    rows = ["ada@example.com", "bob@example.org", None]
    filters = {
        "=ada@example.com": ["ada@example.com"],
        "__ne=ada@example.com": ["bob@example.org", None],
        "__in=bob@example.org": ["bob@example.org"],
        "__in=": [],
        "__gt=b": ["bob@example.org"],
        "__icontains=EXAMPLE": ["ada@example.com", "bob@example.org"],
        "__startswith=ada@": ["ada@example.com"],
    }
    refused_filters = ["=\0"]
    ascending = ["ada@example.com", "bob@example.org", None]
    narrower = [{"max_length": 9}]
    searchable = True
    refused_options = [({"default": "nobody"}, "default"), ({"max_length": 0.5}, "max_length")]


COMPOSED, DECOMPOSED, PUNYCODE = "zoë@bücher.example", "zoe\u0308@bu\u0308cher.example", "zoë@xn--bcher-kva.example"
EACH_WAY = (COMPOSED, DECOMPOSED, PUNYCODE)


def test_an_address_is_found_however_it_is_written(admin, alice):
    rule = {"role": "member", "where": {"address": PUNYCODE}}
    several = {"role": "member", "where": {"address": {"in": [DECOMPOSED]}}}
    access = {"list": [rule], "read": [several]}
    admin.declare("people", {"address": {"type": "email", "unique": True}}, access=access)
    made = admin.make("people", address=DECOMPOSED)
    admin.make("people", address="bob@example.com")
    for address in EACH_WAY:
        for operator in ("", "__in", "__contains", "__startswith", "__gte"):
            found = admin.get("/people", query_string={f"address{operator}": address}).json["data"]
            assert [each["address"] for each in found] == [COMPOSED], (address, operator)
        groups = admin.get("/people/aggregate", query_string={"address": address}).json["data"]
        assert groups[0]["count"] == 1
        assert admin.get("/people", query_string={"address__ne": address}).json["meta"]["total"] == 1
        assert admin.post("/people", json={"address": address}).status_code == 409
        rows = f"address\n{address}\n".encode()
        path = "/people/import?mode=upsert&key=address"
        assert admin.post(path, data=rows, content_type="text/csv").json["data"]["updated"] == 1
    assert admin.get("/people", query_string={"address__contains": "e\u0308@bu\u0308"}).json["meta"]["total"] == 1
    assert [each["id"] for each in alice.get("/people").json["data"]] == [made["id"]]
    assert alice.get(f"/people/{made['id']}").status_code == 200
