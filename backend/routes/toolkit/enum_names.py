"""Names in code for the values of an enum, which generators of clients read."""

import re
from collections.abc import Iterable, Sequence

VARNAMES = "x-enum-varnames"  # the member of a JSON Schema with the names


def value_names(texts: Sequence[str]) -> list[str]:
    """Return a name for each of these texts: `TEAM_CODE` for `team.code`. No two are the same."""
    names = [re.sub(r"[^A-Z0-9]+", "_", text.upper()).strip("_") or "EMPTY" for text in texts]
    names = [f"VALUE_{name}" if name[0].isdigit() else name for name in names]
    return names if len(set(names)) == len(names) else [f"{name}_{number}" for number, name in enumerate(names)]


def sort_names(terms: Iterable[str]) -> list[str]:
    """Return a name for each of these sort terms: `POPULATION_DESC` for `-population`."""
    return value_names([f"{term[1:]}_desc" if term.startswith("-") else term for term in terms])
