"""Strict YAML: only JSON values, and no repeated keys; errors have their line, and what to do."""

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any, NamedTuple

import yaml

# YAML 1.1 reads 10:30 as a number of base 60, 630.
TIME_IS_TEXT = ("tag:yaml.org,2002:str", re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$"))

# What to do, by a pattern of the parser's message; the first that matches counts.
ADVICE = {
    r"character '\\t'": "Indent with spaces: YAML allows no tabs.",
    r"character '.' that cannot start": "Put the text in quotes: no text begins with this character.",
    r"mapping values are not allowed|but got ':'": "Put a text with a colon in quotes, and check the indentation.",
    r"alphabetic or numeric character|undefined alias": "Put a text that begins with * or & in quotes.",
    r"expected ',' or|node content": "A comma, a value or a closing bracket is missing.",
    r"expected <block end>|could not find expected|sequence entries": "Check the indentation.",
    r"another document": "Write all of it as one document, without a line ---.",
    r"unexpected end of stream": "The quote that ends a text is missing.",
    r"unknown escape": "Write a backslash between double quotes as two.",
    r"could not determine a constructor": "Put a text that begins with ! in quotes: only JSON values are allowed.",
}


class YamlError(ValueError):
    """A text is not valid YAML; `line` is its line, from 1, if it is known."""

    def __init__(self, message: str, line: int | None = None) -> None:
        super().__init__(message)
        self.line = line


class Found(NamedTuple):
    """The place of a value in a YAML text: its line, and how many parts of the path lead there.

    `misread_key` and `misread_value` are a sentence if YAML reads the text there as something else, else None.
    """

    line: int
    depth: int
    misread_key: str | None
    misread_value: str | None


def load_yaml(text: str) -> Any:
    """Return the value of a YAML document. Raises YamlError if it is not valid or has a repeated key."""
    try:
        return yaml.load(text, _JsonLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        advice = next((advice for pattern, advice in ADVICE.items() if re.search(pattern, problem)), f"{problem}.")
        raise YamlError(advice, mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise YamlError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise YamlError("It is nested too deeply.") from error


def find(text: str, path: Iterable[str]) -> Found:
    """Return the place to which a path of keys and numbers leads in a valid YAML text, or leads nearest."""
    node, line, depth, misread_key = yaml.compose(text, _JsonLoader), 1, 0, None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if part in (pair[0].value, str(_value(pair[0])))), None)
            if pair is None:
                break
            key, node = pair
            line, misread_key = key.start_mark.line + 1, _misread(key, ("bool",))
        elif isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
            node = node.value[int(part)]
            line, misread_key = node.start_mark.line + 1, None
        else:
            break
        depth += 1
    return Found(line, depth, misread_key, _misread(node, ("bool", "int", "float")))


def _value(node: yaml.Node) -> Any:
    """Return the value of a scalar without quotes, as `load_yaml` reads it."""
    return yaml.load(node.value, _JsonLoader) if isinstance(node, yaml.ScalarNode) and node.style is None else None


def _misread(node: yaml.Node | None, kinds: Sequence[str]) -> str | None:
    """Return the sentence about a scalar without quotes that YAML reads as one of these kinds of values."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.rpartition(":")[2] not in kinds:
        return None
    value = _value(node)
    kind = str(value).lower() if isinstance(value, bool) else "a number"
    return f"YAML reads {node.value} as {kind}: put it in quotes."


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
