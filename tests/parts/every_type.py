"""A resource with a field of every type, and records with values that are hard to keep."""

from datetime import UTC, datetime

TEXTS = [
    "",
    " ",
    "=1+1",
    "'=1",
    "''=1",
    "'",
    r"\N",
    "null",
    '"',
    'a "b", c',
    "a\nb",
    "a\r\nb\r",
    ",",
    "Ünï 📕",
    "\t",
    "-",
    "0",
]
EVERYTHING = {
    "n": {"type": "integer"},
    "string": {"type": "string"},
    "text": {"type": "text"},
    "plain": {"type": "string", "default": "given"},
    "amount": {"type": "integer", "default": 3},
    "number": {"type": "number"},
    "decimal": {"type": "decimal", "default": "1.00"},
    "boolean": {"type": "boolean", "default": True},
    "date": {"type": "date"},
    "time": {"type": "time", "default": "12:00"},
    "datetime": {"type": "datetime"},
    "json": {"type": "json"},
    "email": {"type": "email"},
    "url": {"type": "url"},
    "uuid": {"type": "uuid"},
    "enum": {"type": "enum", "choices": ["=cmd|' /C calc'!A0", "+1", "b,c"], "default": "+1"},
    "list": {"type": "list", "of": "string", "default": ["="]},
    "before": {"type": "reference", "to": "things"},
    "others": {"type": "references", "to": "things"},
    "serial": {"type": "sequence"},
    "file": {"type": "file"},  # always null: a file belongs to one record
}
FIELDS = ",".join(["id", *EVERYTHING, "created_at", "updated_at", "version"])  # the users are others there
FULL = {
    "amount": -(2**63),
    "number": 0.1 + 0.2,
    "decimal": "-12.50",
    "boolean": False,
    "date": "0001-01-01",
    "time": "23:59:59",
    "datetime": datetime(2026, 1, 31, 12, 0, 0, 123456, UTC).isoformat(),
    "json": {"=1": ["=1", None, 1.5, 2**70, "\u2028"]},
    "email": "+a@example.com",
    "url": "https://example.com/?a=1,2",
    "uuid": "0193e0f4-0000-7000-8000-00000000000a",
    "enum": "=cmd|' /C calc'!A0",
    "list": ["=cmd|", "\\|", "ä, b", "-"],
}


def fill(admin):
    """Make records with every type of field, with values, without, with null where there is a default."""
    admin.declare("things", EVERYTHING)
    first = admin.make("things", n=0)
    second = admin.make("things", n=1, before=first["id"], others=[first["id"]], **FULL)
    admin.make("things", **dict.fromkeys(EVERYTHING.keys() - {"serial", "others"}), others=[second["id"], first["id"]])
    for number, text in enumerate(TEXTS, 2):
        admin.make("things", n=number, string=text, text=text, plain=text, json=text)
