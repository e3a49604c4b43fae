"""Thumbnails over HTTP: drawn once, kept, and deleted with their file."""

import io
import sys
import threading
from dataclasses import replace

import pytest
from PIL import Image

from backend import create_app
from backend.services.errors import Unavailable
from backend.services.files import pictures
from backend.services.files.thumbnails import thumbnails
from tests.conftest import ON_SQLITE, Person
from tests.helpers import OPEN, assert_failure, details_of
from tests.parts.downloads import PNG, attached, fetch
from tests.parts.images import corners, png_of
from tests.parts.s3 import running_s3

PHOTO = {"type": "file", "thumbs": ["100x100", "60x20"]}


@pytest.fixture
def places(admin):
    admin.declare("places", {"photo": PHOTO, "plan": {"type": "file"}}, access=OPEN)


@pytest.fixture
def drawn(monkeypatch):
    """The sizes of the thumbnails that are drawn."""
    sizes, draw = [], pictures.draw_thumbnail

    def draw_and_note(file, media_type, width, height):
        sizes.append((width, height))
        return draw(file, media_type, width, height)

    monkeypatch.setattr(pictures, "draw_thumbnail", draw_and_note)
    return sizes


def size_of(answer):
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/webp")
    return Image.open(io.BytesIO(answer.data)).size


def files_in(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_draws_a_declared_size_once_and_keeps_it(places, alice, bob, drawn, settings):
    url = attached(alice, PNG, "Sea.png")
    whole, first = fetch(alice, url), fetch(alice, f"{url}?size=100x100")
    assert size_of(first) == (100, 75)
    assert size_of(fetch(bob, f"{url}?size=100x100")) == (100, 75)
    assert size_of(fetch(bob, f"{url}?size=60x20")) == (27, 20)
    assert drawn == [(100, 100), (60, 20)]
    assert first.headers["Content-Disposition"] == "inline; filename=\"Sea.webp\"; filename*=UTF-8''Sea.webp"
    assert first.headers["ETag"] == f'{whole.headers["ETag"][:-1]}-100x100"'
    assert first.headers["Content-Security-Policy"] == whole.headers["Content-Security-Policy"]
    head = fetch(alice, f"{url}?size=100x100", method="HEAD")
    assert (head.data, head.headers["Content-Length"]) == (b"", first.headers["Content-Length"])
    part = fetch(alice, f"{url}?size=100x100", headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.data) == (206, b"RIFF")
    assert fetch(alice, f"{url}?size=100x100", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    assert files_in(settings.data_dir / "thumbnails") == ["100x100.webp", "60x20.webp"]
    thumbnails.delete([alice.get(url.rpartition("/")[0]).json["data"]["photo"]["id"]])
    assert files_in(settings.data_dir / "thumbnails") == []
    assert size_of(fetch(alice, f"{url}?size=100x100")) == (100, 75)


@ON_SQLITE
def test_other_sizes_are_refused(places, alice, drawn):
    url = attached(alice)
    for size in ("101x100", "100X100", "", "100x100 ", "0x0", "../../x"):
        answer = fetch(alice, url, query_string={"size": size})
        assert_failure(answer, 422, "VALIDATION_ERROR")
        assert answer.json["error"]["details"]["query"]["size"][0]["choices"] == ["100x100", "60x20"]
    without = attached(alice, field="plan")
    assert details_of(fetch(alice, f"{without}?size=100x100"))["query"]["size"] == ["This field has no `thumbs`."]
    assert_failure(fetch(alice, f"{url}?size=100x100&size=60x20"), 422, "VALIDATION_ERROR")
    assert drawn == []


@ON_SQLITE
def test_a_picture_that_cannot_be_drawn_is_tried_once(places, alice, drawn):
    damaged = attached(alice, PNG[:60])
    for _ in range(2):
        answer = fetch(alice, f"{damaged}?size=100x100")
        assert details_of(answer)["query"]["size"] == ["There is no thumbnail of this file. It cannot be decoded."]
    bomb = attached(alice, png_of(60_000, 60_000))
    for size in ("100x100", "60x20"):
        answer = fetch(alice, f"{bomb}?size={size}")
        assert details_of(answer)["query"]["size"] == ["There is no thumbnail of this file. It has too many pixels."]
    assert len(drawn) == 2
    text = attached(alice, b"a text", "a.txt")
    answer = fetch(alice, f"{text}?size=100x100")
    assert details_of(answer)["query"]["size"] == ["There is no thumbnail of this file. It is text/plain."]
    assert fetch(alice, damaged).data == PNG[:60]


@ON_SQLITE
def test_a_photo_is_upright(places, alice):
    assert size_of(fetch(alice, f"{attached(alice, corners(6), 'a.jpg')}?size=100x100")) == (40, 80)


@ON_SQLITE
def test_waits_for_others_and_leaves_threads_free(places, alice, settings, monkeypatch):
    app = create_app(replace(settings, threads=3))
    url, goes_on, begun, answers = attached(alice), threading.Event(), threading.Event(), []
    draw = pictures.draw_thumbnail

    def draw_slowly(*arguments):
        begun.set()
        assert goes_on.wait(60)
        return draw(*arguments)

    monkeypatch.setattr(pictures, "draw_thumbnail", draw_slowly)
    person = Person(app, "alice")
    assert person.token
    thread = threading.Thread(target=lambda: answers.append(fetch(person, f"{url}?size=100x100")))
    thread.start()
    assert begun.wait(60)
    assert_failure(fetch(person, f"{url}?size=60x20"), 503, "UNAVAILABLE")
    assert fetch(person, url).status_code == 200
    goes_on.set()
    thread.join()
    assert size_of(answers[0]) == (100, 75)
    assert size_of(fetch(person, f"{url}?size=60x20")) == (27, 20)


@ON_SQLITE
def test_says_what_is_missing(places, alice, settings, monkeypatch):
    url = attached(alice)
    monkeypatch.setitem(sys.modules, "backend.services.files.pictures", None)
    answer = fetch(alice, f"{url}?size=100x100")
    assert_failure(answer, 503, "UNAVAILABLE")
    assert "requirements-thumbnails" in answer.json["error"]["message"]
    monkeypatch.undo()
    (settings.data_dir / "thumbnails").write_text("not a folder")
    with pytest.raises(Unavailable, match="cannot be stored"):
        thumbnails.open_thumbnail("a-bb", "image/png", "9x9", lambda: io.BytesIO(PNG))
    assert fetch(alice, url).data == PNG


@ON_SQLITE
def test_files_and_thumbnails_from_a_bucket(places, settings, tmp_path):
    with running_s3(tmp_path / "s3", "files"):
        alice = Person(create_app(replace(settings, files="s3://files/of-larder")), "alice")
        url = attached(alice)
        assert fetch(alice, url).data == PNG
        assert fetch(alice, url, headers={"Range": "bytes=4-9"}).data == PNG[4:10]
        assert fetch(alice, url, headers={"Range": "bytes=9999999-"}).status_code == 416
        assert size_of(fetch(alice, f"{url}?size=100x100")) == (100, 75)
