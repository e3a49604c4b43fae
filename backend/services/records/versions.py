"""Version tags: the versions of records, as clients see them in ETags and `if_match`."""

from collections.abc import Container

from backend.services.definitions.definition import Definition
from backend.utils.tags import AnyTag, plain_tag


def version_tag(definition: Definition, version: int) -> str:
    """Return the tag of a record's version: `7`, or `7.3` if the definition has the version 3.

    The definition's version is part of the tag because a new definition can change how the same row is shown.
    """
    return str(version) if definition.version == 1 else f"{version}.{definition.version}"


def accepted_versions(definition: Definition, if_match: str) -> Container[str]:
    """Return the versions, as texts, that the `if_match` of an operation accepts: one, or every one for `*`."""
    return AnyTag() if if_match.strip() == "*" else {read_tag(definition, if_match)}


def read_tag(definition: Definition, text: str) -> str:
    """Return the version in a tag, as text; the text may also be an ETag or a plain version."""
    return plain_tag(text.strip()).removesuffix(f".{definition.version}")
