"""Uploaded files for tests."""

import hashlib

from backend.models.database import database
from backend.models.file import File

NOWHERE = "00000000-0000-7000-8000-000000000000"  # the id of no file


def stage(person, name="photo.png", kind="image/png", content=b"bytes"):
    """Return the id of a file that a person has uploaded and not attached yet."""
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "uploaded_by": person.id}
    with database.connection_context():
        return File.create(name=name, type=kind, **facts).id


def states():
    """Return {id: state} of all files: None if it is staged, "removed", or where it is attached."""
    with database.connection_context():
        rows = [*File.select().order_by(File.id)]
    return {
        row.id: "removed" if row.removed_at else row.resource and (row.resource, row.record_id, row.field)
        for row in rows
    }
