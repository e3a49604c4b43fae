"""Larder under a path of a host, behind a real Caddy and a real nginx that are set up as docs/operating.md says."""

import re
import shutil
import subprocess
from contextlib import contextmanager

import pytest

from tests.conftest import ON_SQLITE, PASSWORD
from tests.deploy.machine import HOST
from tests.deploy.proxies import SITE, Browser, running_caddy, wait_for_tls
from tests.parts.server import ROOT, held_port, running_server

PATH = "/larder"
PAGE = (ROOT / "docs" / "operating.md").read_text()
pytestmark = ON_SQLITE


def snippet(language):
    """Return the lines that the page shows for a proxy."""
    return re.search(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)[1]


def under_path(caddyfile):
    """Return the Caddyfile of deploy/ with the content of its block in a block of the page."""
    before, _, block = caddyfile.partition(SITE)
    outer = snippet("caddy").replace("example.com {", SITE)
    return before + outer.replace("\t\treverse_proxy 127.0.0.1:8000\n", block.strip().removesuffix("}"))


@contextmanager
def running_nginx(folder, upstream):
    """Run nginx with the configuration of deploy/ and the lines of the page; yield (port, CA)."""
    with held_port() as port, held_port() as plain_port, _nginx(folder, upstream, port, plain_port) as certificate:
        yield port, certificate


@contextmanager
def _nginx(folder, upstream, port, plain_port):
    certificate, key = folder / "fullchain.pem", folder / "privkey.pem"
    subject = ["-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-days", "2", "-nodes"]
    command = ["openssl", "req", "-x509", *subject, "-newkey", "rsa:2048", "-out", certificate, "-keyout", key]
    subprocess.run(command, check=True, capture_output=True)
    site = (ROOT / "deploy" / "nginx.conf").read_text()
    site = site.replace("listen 443", f"listen 127.0.0.1:{port}").replace("listen 80", f"listen 127.0.0.1:{plain_port}")
    site = site.replace("127.0.0.1:8000", upstream).replace(f"/etc/letsencrypt/live/{HOST}", str(folder))
    site = site.replace("    location = /metrics", f"{snippet('nginx')}    location = /metrics", 1)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off;\nevents {{}}\npid {folder}/nginx.pid;\nhttp {{\naccess_log off;\n{temporary}{site}}}\n"
    )
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    log = folder / "nginx.log"
    process = subprocess.Popen([program, "-e", log, "-c", folder / "nginx.conf"])
    try:
        wait_for_tls(certificate, port, process, log)
        yield certificate
    finally:
        process.terminate()
        process.wait(120)


@pytest.fixture(params=["caddy", "nginx"])
def browser(request, database_url, tmp_path):
    """A Browser whose requests go through the proxy."""
    settings = {"database_url": database_url, "public_url": f"https://{HOST}{PATH}", "trusted_proxies": "127.0.0.1"}
    with running_server(tmp_path, **settings) as upstream:
        proxy = running_nginx if request.param == "nginx" else lambda *place: running_caddy(*place, under_path)
        with proxy(tmp_path, upstream) as (port, authority):
            yield Browser(port, authority)


def test_everything_is_found_under_the_path(browser):
    body = {"email": "admin@example.com", "password": PASSWORD, "cookies": True}
    status, headers, _ = browser.send("POST", f"{PATH}/api/v1/auth/login", body)
    assert status == 200
    jar = dict(cookie.partition(";")[0].split("=", 1) for cookie in headers.get_all("Set-Cookie"))
    signed_in = {"Cookie": "; ".join(map("=".join, jar.items()))}
    refreshing = signed_in | {"X-CSRF-TOKEN": jar["csrf_refresh_token"]}
    assert browser.send("POST", f"{PATH}/api/v1/auth/refresh", {}, refreshing)[0] == 200
    changing = signed_in | {"X-CSRF-TOKEN": jar["csrf_access_token"]}
    notes = {"name": "notes", "fields": {"title": {"type": "string"}}}
    created = browser.send("POST", f"{PATH}/api/v1/resources", notes, changing)
    assert (created[0], created[1]["Location"]) == (201, f"{PATH}/api/v1/resources/notes")
    created = browser.send("POST", f"{PATH}/api/v1/notes", {"title": "Milk"}, changing)
    assert browser.send("GET", created[1]["Location"], headers=signed_in)[0] == 200
    large = "title\n" + f"{'a note ' * 30}\n" * 12_000  # more than other bodies may have
    imported = browser.send("POST", f"{PATH}/api/v1/notes/import", large, changing | {"Content-Type": "text/csv"})
    assert imported[0] == 200, imported
    assert browser.send("GET", f"{PATH}/metrics")[0] == 404
    assert browser.send("GET", f"{PATH}/health/ready")[0] == 200


def test_the_pages_load_their_files_under_the_path(browser):
    for page in ("docs", "account/reset", "admin/"):
        status, _, html = browser.send("GET", f"{PATH}/{page}")
        files = re.findall(r'(?:src|href)="([^"]+)"', html.decode())
        assert status == 200
        assert len(files) >= 2
        for file in [file for file in files if not file.startswith("data:")]:
            assert file.startswith(PATH)
            assert browser.send("GET", file)[0] == 200
    assert browser.send("GET", f"{PATH}/openapi.json")[0] == 200
    status, headers, _ = browser.send("GET", PATH)
    assert (status // 100, headers["Location"].endswith(f"{PATH}/")) == (3, True)
