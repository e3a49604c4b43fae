"""The OpenAPI document in pieces: JSON text of each part, so that joining the pieces parses and writes nothing anew."""

import json


class Piece:
    """The part of the document that is about some paths."""

    def __init__(self, document):
        self.paths = _members(document.pop("paths"))
        self.tags = [_text(tag) for tag in document.pop("tags", [])]
        self.components = {kind: _members(each) for kind, each in document.pop("components").items()}
        self.rest = _members(document)


def join(pieces):
    """Return the document of several pieces as bytes; the first one has what is about the whole."""
    components = {}
    for piece in pieces:
        for kind, members in piece.components.items():
            components.setdefault(kind, {}).update(members)
    paths = [_object(piece.paths) for piece in pieces]
    parts = dict(pieces[0].rest)
    parts["paths"] = "{" + ",".join(text[1:-1] for text in paths) + "}"
    parts["tags"] = "[" + ",".join(tag for piece in pieces for tag in piece.tags) + "]"
    parts["components"] = _object({kind: _object(members) for kind, members in components.items()})
    return _object(parts).encode()


def _members(mapping):
    return {name: _text(value) for name, value in mapping.items()}


def _object(members):
    return "{" + ",".join(f"{_text(name)}:{text}" for name, text in members.items()) + "}"


def _text(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
