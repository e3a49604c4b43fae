"""`url`: web addresses."""

from tests.field_types.contract import FieldTypeContract


class TestUrl(FieldTypeContract):
    kept = [
        (url, url)
        for url in (
            "https://example.com",
            "http://localhost:8000/a?b=c#d",
            "https://user:pass@example.com/%20",
            "http://127.0.0.1/",
            "https://example.com/'--",
        )
    ]
    refused = [
        *(
            1,
            True,
            [],
            {},
            "",
            "example.com",
            "//example.com",
            "javascript:alert(1)",
            "data:text/html,x",
            "ftp://a.com",
        ),
        *(
            "http://",
            "https://exa mple.com",
            "mailto:a@example.com",
            "https://example.com/" + "x" * 2048,
            "http://a\0.com",
        ),
    ]
    rows = ["https://example.com/b", "https://example.com/a", None]
    filters = {
        "=https://example.com/a": ["https://example.com/a"],
        "__ne=https://example.com/a": ["https://example.com/b", None],
        "__in=https://example.com/a,https://example.com/b": ["https://example.com/b", "https://example.com/a"],
        "__in=": [],
        "__contains=/b": ["https://example.com/b"],
        "__startswith=https://example": ["https://example.com/b", "https://example.com/a"],
    }
    refused_filters = ["=\0"]
    ascending = ["https://example.com/a", "https://example.com/b", None]
    narrower = [{"max_length": 9}]
    searchable = True
    refused_options = [({"default": "javascript:alert(1)"}, "default"), ({"max_length": 2049}, "max_length")]
