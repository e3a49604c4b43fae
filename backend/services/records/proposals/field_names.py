"""Names of fields and resources for what files call their columns and themselves."""

import re
import unicodedata
from collections.abc import Sequence

from backend.services.definitions.names import is_reserved_field, is_reserved_resource

_OTHER = re.compile(r"[^a-z0-9]+")
_LETTERS = {"ß": "ss", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "þ": "th", "œ": "oe"}  # which have no plain part
_TYPES = str.maketrans(_LETTERS)
MAX_LENGTH = 50  # leaves room for what makes a name unique


def resource_name(text: str) -> str:
    """Return a name for a resource: `Bücher 2026` becomes `bucher_2026`."""
    name = _plain(text) or "records"
    name = name if name[0].isalpha() else f"file_{name}"
    return f"{name}_list" if is_reserved_resource(name) else name


def field_names(columns: Sequence[str], resource: str) -> list[str]:
    """Return a name for the field of each column: `Preis (€)` becomes `preis`. Reserved names get that of the resource.

    Columns without a Latin letter or digit are numbered.
    """
    names: list[str] = []
    for number, column in enumerate(columns, 1):
        name = _plain(column) or f"column_{number}"
        if not name[0].isalpha():
            name = f"column_{name}"
        if is_reserved_field(name):
            name = f"{resource[:MAX_LENGTH]}_{name}"[:63]
        taken = sum(each == name for each in names)
        names.append(f"{name}_{number}" if taken else name)
    return names


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_TYPES))
    letters = "".join(each for each in decomposed if not unicodedata.combining(each))
    return _OTHER.sub("_", letters).strip("_")[:MAX_LENGTH].strip("_")
