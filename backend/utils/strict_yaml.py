"""YAML that says no more than JSON can."""

from collections.abc import Hashable
from typing import Any

import yaml


def load_yaml(text: str) -> Any:
    """Return what the YAML document says; raise yaml.YAMLError, also for a key that is given twice."""
    return yaml.load(text, _JsonLoader)


class _JsonLoader(yaml.SafeLoader):
    """Reads YAML that says what JSON can: a date stays a text, sets and the like are refused."""

    yaml_implicit_resolvers = {
        first: [(tag, form) for tag, form in rules if tag != "tag:yaml.org,2002:timestamp"]
        for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }
    yaml_constructors = {
        tag: construct
        for tag, construct in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in ("null", "bool", "int", "float", "str", "seq", "map")
    }

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the dict of a mapping; of a repeated key one value would be lost without a word."""
        seen = set()
        for key, _ in node.value:
            told = str(key.value)
            if told in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{told!r} is given twice", key.start_mark)
            seen.add(told)
        return super().construct_mapping(node, deep)
