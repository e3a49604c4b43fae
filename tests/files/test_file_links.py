"""Signed links to files: they work without a sign-in, as long as the one who made them may read the file."""

from dataclasses import replace
from datetime import timedelta

import pytest

from backend import create_app
from backend.middleware.file_links import sign_link
from backend.models.session import Session
from backend.services.access.actors import Actor
from backend.utils.clock import utcnow
from tests.conftest import ON_SQLITE, SECRET_KEY, Person
from tests.helpers import assert_failure, details_of
from tests.parts.downloads import PNG, attached, fetch, upload

FIELDS = {"photo": {"type": "file", "thumbs": ["100x100"]}, "plan": {"type": "file", "readable_by": ["editor"]}}
ACCESS = {"read": ["owner", "editor"], "create": ["member"], "update": ["owner", "editor"], "delete": ["owner"]}


@pytest.fixture
def photo(admin, alice):
    """The path of a file in a record of alice."""
    admin.declare("places", FIELDS, access=ACCESS)
    return attached(alice)


def link(person, path, **body):
    """Return the path of a link to a file, below the base path."""
    answer = person.post(f"{path}/link", json=body)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]["url"].removeprefix("/api/v1")


def works(person, url):
    """Return whether a link works; if not, it must be the same response for every reason."""
    answer = fetch(person, url)
    if answer.status_code == 200:
        assert answer.data == PNG
        return True
    assert_failure(answer, 404, "NOT_FOUND")
    assert answer.json["error"]["message"] == "There is no such file, or this link to it has ended."
    return False


def test_a_link_works_without_a_sign_in(photo, alice, bob, stranger):
    url = link(alice, photo)
    for person in (stranger, bob, alice):
        assert works(person, url)
    answer = fetch(stranger, url)
    assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert fetch(stranger, url, headers={"Range": "bytes=0-3"}).data == PNG[:4]
    assert fetch(stranger, url, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    assert fetch(stranger, url, headers={"Authorization": "Bearer nonsense"}).data == PNG
    assert fetch(stranger, f"{url}&size=100x100").headers["Content-Type"] == "image/webp"
    assert fetch(stranger, url, method="HEAD").headers["Content-Length"] == str(len(PNG))


def test_only_a_valid_token_for_this_file_works(photo, alice, stranger, app):
    url, other = link(alice, photo), link(alice, attached(alice, PNG, "b.png"))
    path, _, token = url.partition("?token=")
    for wrong in (
        "",
        "a",
        token[:-1],
        token[1:],
        f"{token}A",
        other.partition("?token=")[2],
        token.swapcase(),
        "\u00fc",
    ):
        assert not works(stranger, f"{path}?token={wrong}")
    assert not works(stranger, path)
    assert not works(stranger, f"{other.partition('?')[0]}?token={token}")
    with app.app_context():
        ended = sign_link(Actor(), path.rpartition("/")[2], -1).token
    assert not works(stranger, f"{path}?token={ended}")


def test_a_link_ends_with_the_session_that_made_it(photo, alice, stranger):
    for end in (
        lambda person: person.post("/auth/logout"),
        lambda person: Session.update(expires_at=utcnow() - timedelta(seconds=1)).execute(),
    ):
        person = Person(alice.client.application, "alice")
        url = link(person, photo)
        assert works(stranger, url)
        end(person)
        assert not works(stranger, url)


def test_a_link_ends_with_the_api_key_that_made_it(photo, admin, alice, stranger):
    made = admin.post("/api-keys", json={"name": "key", "roles": ["admin"]}).json["data"]
    key_id, secret = made["id"], made["secret"]
    answer = alice.client.post(f"/api/v1{photo}/link", json={}, headers={"Authorization": f"Bearer {secret}"})
    url = answer.json["data"]["url"].removeprefix("/api/v1")
    assert works(stranger, url)
    admin.delete(f"/api-keys/{key_id}")
    assert not works(stranger, url)


def test_a_link_ends_when_its_maker_may_no_longer_read_the_file(photo, admin, alice, edith, stranger):
    by_role, by_owner = link(edith, photo), link(alice, photo)
    admin.patch(f"/users/{edith.id}", json={"roles": ["member"]})
    assert (works(stranger, by_role), works(stranger, by_owner)) == (False, True)
    admin.patch(f"/users/{alice.id}", json={"active": False})
    assert not works(stranger, by_owner)


def test_a_link_ends_with_its_file(photo, alice, stranger):
    record = photo.rpartition("/")[0]
    url = link(alice, photo)
    alice.patch(record, json={"photo": upload(alice, b"text", "a.txt")})
    assert not works(stranger, url)
    second = attached(alice)
    url = link(alice, second)
    alice.delete(second.rpartition("/")[0])
    assert not works(stranger, url)


def test_a_link_needs_the_right_to_read_and_lasts_at_most_a_day(photo, alice, bob, stranger):
    assert_failure(bob.post(f"{photo}/link", json={}), 404, "NOT_FOUND")
    assert_failure(stranger.post(f"{photo}/link", json={}), 401, "UNAUTHENTICATED")
    for seconds in (0, -1, 86_401, 1.5, "60", None):
        assert_failure(alice.post(f"{photo}/link", json={"seconds": seconds}), 422, "VALIDATION_ERROR")
    assert list(details_of(alice.post(f"{photo}/link", json={"minutes": 1}))["json"]) == ["minutes"]
    assert alice.post(f"{photo}/link", json={"seconds": 86_400}).status_code == 200


@ON_SQLITE
def test_a_link_works_after_a_rotation_of_the_key(photo, alice, settings):
    url = link(alice, photo)
    rotated = create_app(replace(settings, secret_key=f"{SECRET_KEY[::-1]},{SECRET_KEY}"))
    assert works(Person(rotated), url)
    without = create_app(replace(settings, secret_key=SECRET_KEY[::-1]))
    assert not works(Person(without), url)


@ON_SQLITE
def test_the_token_of_a_link_is_not_logged(photo, alice, settings, capfd):
    app = create_app(replace(settings, log_level="DEBUG"))
    url = link(Person(app, "alice"), photo)
    assert works(Person(app), url)
    assert not works(Person(app), f"{url}a")
    token = url.partition("?token=")[2]
    logged = capfd.readouterr()
    assert "/api/v1/files/" in logged.err
    assert token not in logged.err + logged.out
