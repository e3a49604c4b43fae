"""All field types by name."""

from backend.services.errors import Invalid
from backend.services.field_types import (  # noqa: F401 - importing a type makes it known
    boolean,
    date,
    datetime,
    decimal,
    email,
    enum,
    integer,
    json,
    number,
    reference,
    string,
    text,
    url,
    uuid,
)
from backend.services.field_types.base import TYPES


def parse_field(declaration):
    """Return the field type that a definition's `{"type": …, …}` declares; raise Invalid keyed by option."""
    if not isinstance(declaration, dict):
        raise Invalid(["Not an object with at least `type`."])
    options = dict(declaration)
    kind = options.pop("type", None)
    if not isinstance(kind, str) or kind not in TYPES:
        raise Invalid({"type": [f"Must be one of: {', '.join(sorted(TYPES))}."]})
    return TYPES[kind].parse(options)
