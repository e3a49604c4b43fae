"""YAML files of definitions: reads them, and explains errors with the file and the line."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import yaml

from backend.services.errors import Invalid, LarderError
from backend.utils.problems import Problem
from backend.utils.strict_yaml import YamlError, compose_yaml, find, load_yaml

SUFFIXES = (".yml", ".yaml")
PARTS = ((), ("resources",), ("roles",), ("users",))  # where the path of an error may begin in a document


class DefinitionFile(NamedTuple):
    """A YAML file with its tree and what it declares."""

    path: Path
    tree: yaml.Node | None
    document: Any


class DefinitionFiles:
    """A YAML file, or all YAML files of a folder, as one declaration."""

    def __init__(self, path: Path) -> None:
        """Read the files. Raises ClickException if one cannot be read, or if two declare the same name."""
        paths = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.suffix in SUFFIXES)
        if not paths:
            raise click.ClickException(f"The folder {path} has no file that ends in {' or '.join(SUFFIXES)}.")
        self._files = [_read(each) for each in paths]

    @property
    def document(self) -> Any:
        """What the files declare together."""
        merged: dict[str, Any] = {}
        for file in self._files:
            if len(self._files) == 1 or not _has_parts(file.document):
                return file.document  # unchanged: apply and plan report what is wrong with it
            merged = _merge(merged, file)
        return merged

    def explain(self, error: LarderError) -> str | None:
        """Return the message of an error with a line for each problem of the files; None if it is about others."""
        problems = list(_flatten(error.details.get("json"))) if isinstance(error, Invalid) else []
        if not problems:
            return None
        lines = sorted(self._explain(path, problem) for path, problem in problems)
        return "\n".join([error.message, *(f"{file}:{line}: {text}" for file, line, text in lines)])

    def _explain(self, path: Sequence[str], problem: Problem) -> tuple[str, int, str]:
        """Return the file and the line of a problem, and its text."""
        file, found = max(
            ((file, find(file.tree, (*part, *path))) for file in self._files for part in PARTS),
            key=lambda pair: pair[1].depth,
        )
        place = ".".join(part for part in path if part != "_schema")
        text = found.explain(problem)
        return str(file.path), found.line, f"{place}: {text}" if place else text


def _flatten(problems: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Problem]]:
    """Yield each problem with its path."""
    if isinstance(problems, Mapping):
        for part, inner in problems.items():
            yield from _flatten(inner, (*path, str(part)))
    else:
        yield from ((path, problem) for problem in problems or ())


def _read(path: Path) -> DefinitionFile:
    try:
        text = path.read_text(encoding="utf-8-sig")
        document = load_yaml(text)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        wrong = error.object[error.start]
        raise click.ClickException(f"{path}:{line}: The byte 0x{wrong:02X} is not UTF-8. Save it as UTF-8.") from error
    except YamlError as error:
        place = path if error.line is None else f"{path}:{error.line}"
        raise click.ClickException(f"{place}: {error}") from error
    if document is None:
        raise click.ClickException(f"{path} is empty. Declare `resources`, `roles` or `users` in it.")
    return DefinitionFile(path, compose_yaml(text), document)


def _has_parts(document: Any) -> bool:
    """Return whether a document consists of parts such as `resources`, each of which is a map by name."""
    return isinstance(document, dict) and all(isinstance(part or {}, dict) for part in document.values())


def _merge(first: dict[str, Any], file: DefinitionFile) -> dict[str, Any]:
    """Return a document with the parts of both. Raises ClickException if both declare the same name."""
    merged = dict(first)
    for part, declared in file.document.items():
        before, more = merged.get(part, {}), declared or {}
        if repeated := sorted(before.keys() & more.keys()):
            line = find(file.tree, (part, repeated[0])).line
            raise click.ClickException(f"{file.path}:{line}: It declares {', '.join(repeated)} a second time.")
        merged[part] = before | more
    return merged
