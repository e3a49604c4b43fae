"""Pieces of the OpenAPI document, kept as JSON text, so that joining them needs no serializing."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Members = dict[str, str]  # map of name to JSON text


class Piece:
    """A part of the document: some paths, with their tags and components."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.paths = _members(document["paths"])
        self.tags = [_text(tag) for tag in document.get("tags", [])]
        self.components = {kind: _members(members) for kind, members in document["components"].items()}
        parts = {"paths", "tags", "components"}
        self.rest = _members({name: value for name, value in document.items() if name not in parts})

    def changed(self, paths: Sequence[str], change: Callable[[dict[str, Any]], dict[str, Any]]) -> "Piece":
        """Return a copy with another content of some paths."""
        other = copy.copy(self)
        other.paths = self.paths | {path: _text(change(json.loads(self.paths[path]))) for path in paths}
        return other


def join_pieces(system: Sequence[Piece], resources: Sequence[Piece]) -> bytes:
    """Return the document of several pieces, with the paths and tags of resources before those of the system.

    `info` and other members come from the first piece of the system.
    """
    components: dict[str, Members] = {}
    for piece in (*system, *resources):
        for kind, members in piece.components.items():
            components.setdefault(kind, {}).update(members)
    pieces = (*resources, *system)
    paths = [_object(piece.paths) for piece in pieces]
    parts = dict(system[0].rest)
    parts["paths"] = "{" + ",".join(text[1:-1] for text in paths) + "}"
    parts["tags"] = "[" + ",".join(tag for piece in pieces for tag in piece.tags) + "]"
    parts["components"] = _object({kind: _object(members) for kind, members in components.items()})
    return _object(parts).encode()


def _members(mapping: Mapping[str, Any]) -> Members:
    return {name: _text(value) for name, value in mapping.items()}


def _object(members: Members) -> str:
    return "{" + ",".join(f"{_text(name)}:{text}" for name, text in members.items()) + "}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
