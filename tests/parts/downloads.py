"""Uploaded files in records, for tests of downloads."""

from urllib.parse import quote

from tests.parts.images import picture

PNG = picture(size=(400, 300))


def upload(person, content=PNG, name="photo.png", kind="application/octet-stream"):
    """Upload a file, and return its id."""
    disposition = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    answer = person.post("/files", data=content, headers={"Content-Type": kind, "Content-Disposition": disposition})
    assert answer.status_code == 201, answer.json
    return answer.json["data"]["id"]


def attached(person, content=PNG, name="photo.png", kind="application/octet-stream", *, field="photo", to="places"):
    """Create a record with an uploaded file; return the path of the file below the base path."""
    made = person.make(to, **{field: upload(person, content, name, kind)})
    return f"/{to}/{made['id']}/{field}"


def fetch(person, path, method="GET", **options):
    """Send a request for a file; return the response, whose body has been read."""
    return person.send(method, path, buffered=True, **options)
