"""The page at `/admin/`: what the server sends, and rules of its modules, which no linter of Python sees."""

import hashlib
import posixpath
import re
from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from backend.routes.admin import FOREVER, files_version
from backend.routes.toolkit.page_modules import MODULES
from backend.services.field_types.registry import TYPES
from tests.conftest import ON_SQLITE, Person
from tests.parts.page_rules import markup_from_text, too_long

# The files as npm has them: dist/preact.mjs and hooks/dist/hooks.mjs of preact 11.2.0, dist/htm.mjs of htm 3.1.1,
# dist/js-yaml.mjs of js-yaml 4.3.2.
FROM_NPM = {
    "preact.js": "bdcbd9abdf2c77c5c45326eab42191e949222d479d0d5f69467387a77040cb55",
    "hooks.js": "e862ab2973aa6455eaa0f77c5d832d2157d6be59a17c8ba546550a575b58c6b4",
    "preact.LICENSE": "1fe6958409c8c257a70c587a18b6f7f412b179b456630790d30b2ec9a8e4b7d4",
    "htm.js": "ab33dd3f38059b9be4d5f5350128eefb2356639c4e0bbe9d9e8b3ba75847e9e4",
    "htm.LICENSE": "740725f7252e750af735d0028cc534970772f513331e9f68150fede8fb3ce00f",
    "js-yaml.js": "cea276c7e15f409a1adbe5d177aba7824398a474f7cf702bd57962c7d570636f",
    "js-yaml.LICENSE": "a07bc24468b9654ce76a547d47a2db282d07733b715db4c73a98bd63961f9550",
}
# The only change of ours: a browser resolves no bare name without an import map, which the policy does not allow.
OUR_IMPORT, THEIR_IMPORT = b'from"./preact.js"', b'from"preact"'
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data: blob:; "
    "form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# `import` and `export … from` at the start of a statement; not `import()`, which reads a module later.
IMPORT = re.compile(r"^(?:import|export)\b[^;(]*?from\s*['\"](\.[^'\"]+)['\"]", re.MULTILINE)

OWN = sorted(path for path in MODULES.rglob("*.js") if path.parent.name != "vendor")


def name_of(module):
    return module.relative_to(MODULES).as_posix()


def imports_of(name):
    """Return the names of the modules that a module imports."""
    return {within(name, found) for found in IMPORT.findall((MODULES / name).read_text())}


def later_imports_of(name):
    """Return the names of the modules that a module reads when they are first needed; not those of a pattern."""
    return {within(name, found) for found in re.findall(r"import\('(\.[^']+)'\)", (MODULES / name).read_text())}


def within(name, path):
    """Return the name of a module that another one imports by a relative path."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), path))


def all_imports_of(name):
    """Return the names of a module and of all that it needs before it runs."""
    found, new = set(), {name}
    while new:
        found |= new
        new = {each for module in new if "vendor" not in module for each in imports_of(module)} - found
    return found


def test_libraries_are_those_of_npm():
    vendor = MODULES / "vendor"
    found = {path.name: path.read_bytes().replace(OUR_IMPORT, THEIR_IMPORT) for path in vendor.iterdir()}
    assert {name: hashlib.sha256(content).hexdigest() for name, content in found.items()} == FROM_NPM
    assert (vendor / "hooks.js").read_bytes().count(OUR_IMPORT) == 1


def test_every_import_is_a_module():
    missing = {(name_of(module), each) for module in OWN for each in imports_of(name_of(module))}
    assert [pair for pair in missing if not (MODULES / pair[1]).is_file()] == []


def test_every_module_is_used():
    names = {name_of(module) for module in OWN}
    used = set().union(*map(imports_of, names), *map(later_imports_of, names))
    assert {name for name in names - used if not name.startswith("screens/")} == {"main.js"}


def test_every_field_type_has_a_module():
    table = re.search(r"const TYPES = \{(.*?)\}", (MODULES / "fields" / "index.js").read_text(), re.DOTALL)[1]
    assert {entry.split(":")[0].strip() for entry in table.strip(" \n,").split(",")} == set(TYPES)


def test_only_one_module_imports_each_library():
    importing = [name_of(module) for module in OWN if "/vendor/" in module.read_text()]
    assert importing == ["parts/definitions/yaml.js", "parts/html.js"]


def test_only_one_module_sends_requests():
    sending = [name_of(module) for module in OWN if re.search(r"\bfetch\(", module.read_text())]
    assert sending == ["parts/api.js"]


def test_no_module_makes_code_or_markup_from_text():
    assert markup_from_text(OWN) == {}


def test_modules_are_short():
    assert too_long(OWN) == []


@ON_SQLITE
def test_the_page_may_run_only_its_own_modules(stranger):
    for path in ("/admin/", "/admin/records/cities", "/admin/no/such/page", "/account/reset"):
        answer = stranger.get(f"http://localhost{path}")
        assert (answer.status_code, answer.mimetype) == (200, "text/html")
        assert answer.headers.getlist("Content-Security-Policy") == [POLICY]
        assert answer.headers["Cache-Control"] == "no-store"
        assert 'data-admin="on" data-mails="logged"' in answer.text
    assert stranger.get("http://localhost/admin").headers["Location"] == "/admin/"
    assert stranger.post("http://localhost/admin/").status_code == 405


@ON_SQLITE
def test_browsers_keep_the_files_of_a_version(stranger):
    current = f"http://localhost/assets/{files_version()}"
    for path in sorted(MODULES.rglob("*.*")):
        with stranger.get(f"{current}/{name_of(path)}") as answer:
            assert (answer.status_code, answer.data) == (200, path.read_bytes())
            assert answer.headers["Cache-Control"] == FOREVER
            if path.suffix in (".js", ".css"):
                assert (
                    answer.mimetype
                    in {".js": ("text/javascript", "application/javascript"), ".css": ("text/css",)}[path.suffix]
                )
    with stranger.get("http://localhost/assets/other/main.js") as answer:
        assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-cache")
    for path in (
        f"{current}/nothing.js",
        f"{current}/../admin.py",
        f"{current}/..%2f..%2fadmin.py",
        f"{current}/parts",
    ):
        assert stranger.get(path).status_code == 404


@ON_SQLITE
def test_a_page_preloads_exactly_what_its_screen_imports(stranger):
    pages = re.findall(r"^  \['(/.+?)', '(.+?)'", (MODULES / "pages.js").read_text(), re.MULTILINE)
    assert {screen for _, screen in pages} | {"missing"} == {path.stem for path in (MODULES / "screens").iterdir()}
    for path, screen in [*pages, ("/admin/no/such/page", "missing"), ("/admin/", "home"), ("/admin/roles/", "roles")]:
        html = stranger.get(f"http://localhost{path.replace(':', 'any-')}", follow_redirects=True).text
        links = re.findall(r'<link rel="modulepreload" href="([^"]+)">', html)
        needed = all_imports_of("main.js") | all_imports_of(f"screens/{screen}.js")
        assert sorted(links) == sorted(f"/assets/{files_version()}/{name}" for name in needed), path
        assert f'<script type="module" src="/assets/{files_version()}/main.js"></script>' in html


@ON_SQLITE
def test_the_page_works_below_a_path(settings):
    stranger = Person(create_app(replace(settings, public_url="https://example.com/some/path")))
    text = stranger.get("http://localhost/admin/").text
    database.close_all()
    assert 'data-base="/some/path"' in text
    references = re.findall(r'(?:href|src)="([^"]+)"', text)
    assert {each for each in references if not each.startswith(f"/some/path/assets/{files_version()}/")} == {"data:,"}


@ON_SQLITE
def test_the_page_has_the_name_of_the_app_as_text(settings):
    stranger = Person(create_app(replace(settings, app_name='"><script>alert(1)</script>')))
    text = stranger.get("http://localhost/admin/").text
    database.close_all()
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text


@pytest.mark.parametrize("path", ["/admin", "/admin/", "/admin/users"])
@ON_SQLITE
def test_without_the_page_only_the_pages_of_mails_are_left(settings, path):
    stranger = Person(create_app(replace(settings, admin=False)))
    assert stranger.get(f"http://localhost{path}").status_code == 404
    assert stranger.get("http://localhost/").json["data"]["admin"] is None
    reset = stranger.get("http://localhost/account/reset")
    assert reset.status_code == 200
    assert 'data-admin="off"' in reset.text
    assert reset.headers["Content-Security-Policy"] == POLICY
    database.close_all()
