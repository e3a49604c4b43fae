"""Strict YAML: only JSON values, and no repeated keys; errors have their line, and what to do."""

import math
import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import IO, Any, NamedTuple

import yaml

from backend.utils.problems import Extras, Problem, Problems
from backend.utils.strict_json import JsonNumber

ONLY_JSON = "could not determine a constructor"  # of the parser, for a tag
NO_ALIASES = "A body has no aliases: write the value out"
WIDTH = 1000  # characters of a line, so that few texts are wrapped

# YAML 1.1 reads 10:30 as a number of base 60, 630.
TIME_IS_TEXT = ("tag:yaml.org,2002:str", re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?$"))

JSON_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")  # with a fraction or an exponent where it is a float

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
    ONLY_JSON: "Put a text that begins with ! in quotes: only JSON values are allowed.",
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

    def explain(self, problem: Problem) -> Problem:
        """Return the problem of the value, with its line, and with what YAML misread if it may come from that."""
        misread = self.misread_key or (self.misread_value if problem.extras.get("expected") == "string" else None)
        extras: Extras = {**problem.extras, "line": self.line}
        return Problem(problem.code, f"{problem} {misread}" if misread else str(problem), **extras)


def load_yaml(text: str, *, is_body: bool = False) -> Any:
    """Return the value of a YAML document. Raises YamlError if it is not valid or has a repeated key.

    That of a body has no aliases, with which a short text can have a huge value, no tags, and texts as keys.
    """
    try:
        return yaml.load(text, _BodyLoader if is_body else _JsonLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = error.problem or error.context or "not YAML"
        advice = next((advice for pattern, advice in ADVICE.items() if re.search(pattern, problem)), f"{problem}.")
        raise YamlError(advice, mark.line + 1 if mark else None) from error
    except yaml.YAMLError as error:  # a character that YAML does not allow
        raise YamlError(" ".join(str(error).split())) from error
    except RecursionError as error:
        raise YamlError("It is nested too deeply.") from error
    except ValueError as error:  # Python limits the number of digits of an integer
        raise YamlError("A number has too many digits.") from error


def dump_yaml(value: Any, file: IO[str] | None = None) -> str | None:
    """Return a value as YAML that `load_yaml` reads as the same value; with a `file`, write it there instead."""
    text: str | None = yaml.dump(value, file, _Dumper, sort_keys=False, allow_unicode=True, width=WIDTH)
    return text


def compose_yaml(text: str) -> yaml.Node | None:
    """Return the tree of a valid YAML text, for `find`; None if it is empty."""
    root: yaml.Node | None = yaml.compose(text, _JsonLoader)
    return root


def find(root: yaml.Node | None, path: Iterable[str]) -> Found:
    """Return the place to which a path of keys and numbers leads in the tree of a text, or leads nearest."""
    node, line, depth, misread_key = root, 1, 0, None
    for part in path:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if part in (pair[0].value, _text(pair[0]))), None)
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


def with_lines(problems: Problems, tree: yaml.Node | None, path: Sequence[str] = ()) -> Problems:
    """Return the problems of a value that was read from YAML, each with its line."""
    if isinstance(problems, Mapping):
        return {key: with_lines(inner, tree, (*path, str(key))) for key, inner in problems.items()}
    found = find(tree, [part for part in path if part != "_schema"])
    return [found.explain(problem) for problem in problems]


def _text(key: yaml.Node) -> str:
    """Return the text of a key, as `load_yaml` reads it."""
    is_plain = isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":str")
    return str(yaml.load(key.value, _JsonLoader) if is_plain else key.value)


def _misread(node: yaml.Node | None, kinds: Sequence[str]) -> str | None:
    """Return the sentence about a scalar without quotes that YAML reads as one of these kinds of values."""
    if not isinstance(node, yaml.ScalarNode) or node.tag.rpartition(":")[2] not in kinds:
        return None
    value = yaml.load(node.value, _JsonLoader)
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

    def construct_number(self, node: yaml.ScalarNode) -> float:
        """Return a float; one that JSON writes alike keeps its text. Raises ConstructorError for NaN and infinity."""
        number: float = self.construct_yaml_float(node)
        if not math.isfinite(number):
            raise yaml.constructor.ConstructorError(None, None, f"{node.value} is not JSON", node.start_mark)
        return JsonNumber.written(node.value) if JSON_NUMBER.fullmatch(node.value) else number


_JsonLoader.add_constructor("tag:yaml.org,2002:float", _JsonLoader.construct_number)


class _BodyLoader(_JsonLoader):
    """A YAML loader for the body of a request: it also refuses aliases, tags, and keys that are no texts."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Return the next node. Raises ComposerError for an alias or a tag."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        has_tag = getattr(event, "tag", None) is not None
        problem = NO_ALIASES if isinstance(event, yaml.AliasEvent) else ONLY_JSON if has_tag else None
        if problem:
            raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
        node: yaml.Node | None = super().compose_node(parent, index)
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the dict of a mapping. Raises ConstructorError for a key that is no text."""
        for key, _ in node.value:
            if not key.tag.endswith(":str"):
                problem = _misread(key, ("bool", "int", "float")) or "A key must be a text: put it in quotes."
                raise yaml.constructor.ConstructorError(None, None, problem.rstrip("."), key.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """A YAML dumper that writes a value out each time that it is there, without aliases, and no text inexactly."""

    def ignore_aliases(self, data: Any) -> bool:
        """Return True."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Return a text as a scalar; one with other line breaks has them escaped, because YAML folds them."""
        style = '"' if any(character in text for character in "\x85\u2028\u2029") else None
        return self.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)
