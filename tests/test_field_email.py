"""`email`: addresses, normalised."""

from tests.field_types import FieldTypeContract


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
    refused_options = [({"default": "nobody"}, "default"), ({"max_length": 0.5}, "max_length")]
