"""The versions of records as clients name them."""

from backend.services.definitions.definition import Definition
from backend.utils.tags import plain_tag


def version_tag(definition: Definition, version: int) -> str:
    """Return the tag of a version; it has that of the definition, too, once the same row may read otherwise."""
    return str(version) if definition.version == 1 else f"{version}.{definition.version}"


def read_tag(definition: Definition, text: str) -> str:
    """Return the version, as text, that a tag or an ETag stands for; a version alone is one as well."""
    return plain_tag(text.strip()).removesuffix(f".{definition.version}")
