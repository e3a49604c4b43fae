"""Uploaded files for tests."""

import hashlib

from backend.models.database import database
from backend.models.file import File

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 100
WITH_FILES = {"photo": {"type": "file"}}  # fields


def stage(person, name="photo.png", kind="image/png", content=b"bytes"):
    """Return the id of a file that a person has uploaded and not attached yet."""
    facts = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "uploaded_by": person.id}
    with database.connection_context():
        return File.create(name=name, type=kind, **facts).id


def upload(person, content=PNG, name="a.png", kind="image/png", **headers):
    """Upload a file as the body of a request; return the response."""
    headers = {"Content-Type": kind, "Content-Disposition": f'attachment; filename="{name}"'} | headers
    return person.post("/files", data=content, headers=headers)


def uploaded(person, content=PNG, **options):
    """Upload a file; return what the response says about it."""
    answer = upload(person, content, **options)
    assert answer.status_code == 201, answer.json
    return answer.json["data"]


def states():
    """Return {id: state} of all files: None if it is staged, "removed", or where it is attached."""
    with database.connection_context():
        rows = [*File.select().order_by(File.id)]
    return {
        row.id: "removed" if row.removed_at else row.resource and (row.resource, row.record_id, row.field)
        for row in rows
    }
