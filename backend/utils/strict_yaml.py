"""Strict YAML: only JSON values, and no repeated keys."""

import re
from collections.abc import Hashable
from typing import Any

import yaml

# YAML 1.1 reads 10:30 as a number of base 60, 630.
TIME_IS_TEXT = ("tag:yaml.org,2002:str", re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$"))


def load_yaml(text: str) -> Any:
    """Return the value of a YAML document. Raises yaml.YAMLError if it is not valid or has a repeated key."""
    return yaml.load(text, _JsonLoader)


class _JsonLoader(yaml.SafeLoader):
    """A YAML loader for JSON values only: dates and times stay texts; sets and other types are refused."""

    yaml_implicit_resolvers = {
        first: [TIME_IS_TEXT, *((tag, form) for tag, form in rules if tag != "tag:yaml.org,2002:timestamp")]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in ("null", "bool", "int", "float", "str", "seq", "map")
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the dict of a mapping. Raises ConstructorError for a repeated key; one value would be lost."""
        seen = set()
        for key, _ in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} is given twice", key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)
