"""The definition that tests of plans and of replacing a resource change."""

TITLE = {"type": "string", "required": True, "max_length": 20}
NOTES = {
    "fields": {"title": TITLE, "price": {"type": "integer", "index": True}, "code": {"type": "string", "unique": True}},
    "indexes": [["title", "price"]],
    "unique": [["title", "code"]],
    "access": {"list": ["public"]},
}
