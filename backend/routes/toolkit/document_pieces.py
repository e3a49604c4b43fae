"""The OpenAPI document in pieces: texts of JSON that are joined without being read or written again."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Members = dict[str, str]  # JSON text by name


class Piece:
    """The part of the document that is about some paths."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.paths = _members(document["paths"])
        self.tags = [_text(tag) for tag in document.get("tags", [])]
        self.components = {kind: _members(members) for kind, members in document["components"].items()}
        parts = {"paths", "tags", "components"}
        self.rest = _members({name: value for name, value in document.items() if name not in parts})


def join(pieces: Sequence[Piece]) -> bytes:
    """Return the document of several pieces; the first one has what is about the whole."""
    components: dict[str, Members] = {}
    for piece in pieces:
        for kind, members in piece.components.items():
            components.setdefault(kind, {}).update(members)
    paths = [_object(piece.paths) for piece in pieces]
    parts = dict(pieces[0].rest)
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
