"""Installation, upgrade, and an upgrade that fails, on a Debian machine with its own systemd."""

import json
import re
import shutil
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager

import pytest

from tests.deploy.machine import debian_machine
from tests.parts.server import ROOT

BASE = "http://127.0.0.1:8000"
SERVICES = ("larder.socket", "larder@1.service", "larder@2.service", "larder-jobs.service")
SHORT = "mkdir -p /etc/systemd/system/larder@.service.d && printf '[Service]\\nTimeoutStartSec=10\\n' > {}/short.conf"


@pytest.fixture(scope="module")
def machine():
    """A machine with nothing of Larder, and its source in /root/1.0.0."""
    with debian_machine() as machine:
        put_source(machine, "1.0.0")
        yield machine


def put_source(machine, version):
    """Put this checkout into /root/<version> of the machine, as that version; return where."""
    target = machine.root / "root" / version
    files = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    for name in files:
        if not name.startswith("tests/"):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, target / name)
    edit(target / "backend/utils/version.py", lambda text: f'"""Which release this is."""\n\nVERSION = "{version}"\n')
    return target


def edit(path, change):
    path.write_text(change(path.read_text()))


def call(method, path, body=None, token=None):
    """Return the data of an answer; raises HTTPError."""
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(BASE + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())["data"]


def version():
    return call("GET", "/")["version"]


@contextmanager
def writing(token):
    """Have a client write until the end of the block; yield the ids it got and the failures."""
    stop, made, failed = threading.Event(), [], []

    def write():
        while not stop.is_set():
            try:
                made.append(call("POST", "/api/v1/notes", {"title": "x"}, token)["id"])
            except OSError as error:
                failed.append(error)
            time.sleep(0.02)  # within the limit of requests

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield made, failed
    finally:
        stop.set()
        writer.join()


def ids(token):
    """Return the ids of all notes."""
    request = urllib.request.Request(
        f"{BASE}/api/v1/notes/export?format=ndjson", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request) as answer:
        return {json.loads(line)["id"] for line in answer}


def listing(machine):
    """Return what is installed: each path with its mode, owner, and content."""
    places = "/opt/larder /etc/larder /etc/systemd/system /usr/local/bin/larder"
    return machine.run(
        f"find {places} ! -path '*/.venv/*' -printf '%p %m %u:%g %l\\n' | sort;"
        f"find {places} -type f ! -path '*/.venv/*' -exec sha256sum {{}} + | sort"
    ).stdout


def test_installs_upgrades_and_rolls_back_a_failed_upgrade(machine):
    output = machine.run("/root/1.0.0/deploy/install.sh --admin ada@example.com").stdout
    password = re.search(r"sign in as ada@example.com with the password (\S+)", output)[1]
    for service in SERVICES:
        assert machine.run(f"systemctl is-active {service}").stdout.strip() == "active"
        assert machine.run(f"systemctl is-enabled {service}").stdout.strip() == "enabled"
    assert password not in machine.run("journalctl --no-pager --unit='larder*'").stdout
    paths = "/var/lib/larder /etc/larder/larder.env /var/lib/larder/secret_key /opt/larder/current/wsgi.py"
    assert machine.run(f"stat -c '%a %U:%G' {paths}").stdout.split("\n")[:4] == [
        *("700 larder:larder", "640 root:larder", "600 larder:larder", "644 root:root")
    ]
    assert machine.run("find /opt/larder -user larder -o -perm -o+w ! -type l").stdout == ""
    owner = "stat -c %U /proc/$(systemctl show --property=MainPID --value larder@1)"
    assert machine.run(owner).stdout.strip() == "larder"

    before = listing(machine)
    machine.run("/root/1.0.0/deploy/install.sh")
    assert listing(machine) == before
    machine.run("/root/1.0.0/deploy/install.sh --thumbnails")

    token = call("POST", "/api/v1/auth/login", {"email": "ada@example.com", "password": password})["access_token"]
    call("POST", "/api/v1/resources", {"name": "notes", "fields": {"title": {"type": "string"}}}, token)
    expected = {call("POST", "/api/v1/notes", {"title": "first"}, token)["id"]}

    put_source(machine, "1.0.1")
    with writing(token) as (made, failed):
        output = machine.run("/root/1.0.1/deploy/upgrade.sh").stdout
    assert failed == [], output
    assert version() == "1.0.1", output
    machine.run("/opt/larder/current/.venv/bin/python -c 'import PIL'")  # an upgrade keeps what draws thumbnails
    expected.update(made)
    assert ids(token) == expected
    assert "already installed" in machine.run("/root/1.0.1/deploy/upgrade.sh").stdout

    broken = put_source(machine, "1.0.2")
    edit(
        broken / "wsgi.py",
        lambda text: text.replace("app = create_app(settings)", "app = create_app(settings)\n    server = None"),
    )
    fails_and_goes_back(machine, "1.0.2", token, expected)

    never_ready = put_source(machine, "1.0.3")
    edit(never_ready / "backend/services/health/ready.py", lambda text: text.replace("50 << 20", "1 << 62"))
    (never_ready / "backend/models/migrations/0099_nickname.py").write_text(
        'def up(migrator, db):\n    db.execute_sql("ALTER TABLE larder_users ADD COLUMN nickname TEXT")\n'
    )
    machine.run(SHORT.format("/etc/systemd/system/larder@.service.d") + " && systemctl daemon-reload")
    fails_and_goes_back(machine, "1.0.3", token, expected)

    assert "ok" in machine.run("larder doctor").stdout
    machine.run("/root/1.0.1/deploy/uninstall.sh")
    assert machine.run("ls /opt/larder", check=False).returncode != 0
    assert machine.run("ls /var/lib/larder/larder.db /etc/larder/larder.env").returncode == 0


def fails_and_goes_back(machine, version_of_it, token, expected):
    """Upgrade to a version that does not get ready, and find the old one with everything that was written meanwhile."""
    with writing(token) as (made, failed):
        done = machine.run(f"/root/{version_of_it}/deploy/upgrade.sh", check=False)
    assert done.returncode == 1, done.stdout
    assert "the old release is running again" in done.stdout, done.stdout
    assert failed == []
    assert version() == "1.0.1"
    expected.update(made)
    assert ids(token) == expected
    for service in SERVICES:
        assert machine.run(f"systemctl is-active {service}").stdout.strip() == "active"
