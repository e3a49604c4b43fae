"""Types of JSON values. Json is Any, because Python's type hints cannot describe nested JSON in a practical way."""

from typing import Any, TypeAlias

Json: TypeAlias = Any
JsonObject: TypeAlias = dict[str, Any]
