"""What the Dockerfile and the compose files say, and a server started as the image starts it.

No container engine is needed: namespaces give the server the user, the folders and the process id that it has in a
container.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from backend.config.reading import read_settings, unknown_variables
from backend.server import DRAIN_SECONDS
from tests.parts.server import ROOT, held_port

USER = 10001
# Mounts what the image has, and runs the command as process 1. $1 is a folder with `larder` and `data`.
START = """
set -e
mount -t tmpfs tmpfs /mnt
mkdir /mnt/python /mnt/packages /mnt/larder /mnt/data
mount --bind "$2" /mnt/python
mount --bind "$3" /mnt/packages
mount --bind "$1/larder" /mnt/larder
mount -o remount,ro,bind /mnt/larder
mount --bind "$1/data" /mnt/data
mount -o remount,ro /mnt
mount -t tmpfs -o ro tmpfs /tmp
mount -t tmpfs -o ro tmpfs /var/tmp
cd /mnt/data
shift 3
exec setpriv --reuid=10001 --regid=10001 --clear-groups --no-new-privs --bounding-set=-all env -i "$@"
"""


def instructions():
    """Return [(name, arguments)] of the instructions of the Dockerfile."""
    text = re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [tuple(line.split(" ", 1)) for line in re.sub(r"\\\n\s*", "", text).splitlines() if line]


def argument(name):
    """Return the arguments of the last instruction of this name."""
    return [arguments for each, arguments in instructions() if each == name][-1]


def composed(*names):
    """Return what compose files declare together: their services, each with the environment of all."""
    services, volumes = {}, {}
    for name in names:
        document = yaml.safe_load((ROOT / name).read_text())
        volumes |= document.get("volumes", {})
        for service, parts in document["services"].items():
            known = services.setdefault(service, {})
            environment = known.get("environment", {}) | parts.get("environment", {})
            known |= parts | {"environment": environment}
    return services, volumes


def interpolated(value):
    """Return a value with its defaults, and `secret` for what `.env` has to set."""
    return re.sub(r"\$\{\w+(?::([-?])([^}]*))?\}", lambda found: found[2] if found[1] == "-" else "secret", value)


FILES = ("compose.yml", "deploy/compose.postgres.yml", "deploy/compose.caddy.yml")


@pytest.mark.parametrize("files", [FILES[:1], FILES[:2], (FILES[0], FILES[2]), FILES], ids=len)
def test_the_compose_files_fit_each_other_the_image_and_larder(files, monkeypatch, tmp_path):
    services, volumes = composed(*files)
    for service in services.values():
        named = [volume.partition(":")[0] for volume in service.get("volumes", [])]
        assert [name for name in named if name not in volumes and not (ROOT / name).exists()] == []
        assert [name for name in service.get("depends_on", []) if name not in services] == []
        assert "build" in service or re.search(r":\d", service["image"])
    larder = services["larder"]
    assert int(larder["stop_grace_period"].removesuffix("s")) > DRAIN_SECONDS
    assert larder["volumes"] == [f"data:{argument('VOLUME')}"]
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("LARDER_")]:
        monkeypatch.delenv(name)
    for name, value in larder["environment"].items():
        monkeypatch.setenv(name, interpolated(value))
    settings = read_settings()
    assert (settings.host, settings.port, settings.data_dir) == ("0.0.0.0", 8000, Path("/data"))
    assert settings.database_url.startswith("postgresql://larder:" if "postgres" in services else "sqlite:////data/")
    assert (settings.is_local, bool(settings.trusted_proxies)) == ("caddy" not in services, "caddy" in services)
    assert not unknown_variables()


@pytest.fixture
def image(tmp_path):
    """A folder with what the image has: `larder`, only what .dockerignore lets in, and `data`."""
    kept = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    (tmp_path / "larder").mkdir()
    for name in kept:
        source, target = ROOT / name, tmp_path / "larder" / name
        shutil.copytree(source, target) if source.is_dir() else shutil.copy(source, target)
    subprocess.run(["chmod", "-R", "go=u-w", tmp_path / "larder"], check=True)
    (tmp_path / "data").mkdir(mode=0o700)
    os.chown(tmp_path / "data", USER, USER)
    return tmp_path


@contextmanager
def container(image, port):
    """Start the server of the image; yield (its process, the path of its output)."""
    variables = dict(re.findall(r"(\w+)=(\S+)", argument("ENV"))) | {"LARDER_PORT": port, "PYTHONPATH": "/mnt/packages"}
    variables |= {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": "/mnt/python/lib", "LARDER_HOST": "127.0.0.1"}
    places = {"/data": "/mnt/data", "/opt/larder": "/mnt/larder"}
    words = [f"{name}={places.get(value, value)}" for name, value in variables.items()]
    python, program = json.loads(argument("CMD"))
    words += [f"/mnt/python/bin/{python}3", program.replace("/opt/larder", "/mnt/larder")]
    given = [image, sys.base_prefix, sysconfig.get_path("purelib"), *words]
    namespaces = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with (image / "output").open("wb") as output:
        process = subprocess.Popen(
            [*namespaces, "bash", "-c", START, "bash", *map(str, given)], stdout=output, stderr=output
        )
        try:
            yield process, image / "output"
        finally:
            process.kill()
            process.wait(60)


def stop(process):
    """Send SIGTERM to process 1 of the container, and return the status with which it ends."""
    (first,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(first), signal.SIGTERM)
    return process.wait(60)


def is_healthy(port):
    """Return whether the health check of the image succeeds."""
    options, _, command = argument("HEALTHCHECK").partition(" CMD ")
    assert "--interval" in options
    _, *words = json.loads(command.replace("8000", str(port)))
    return subprocess.run([sys.executable, *words], capture_output=True).returncode == 0


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount folders")
def test_the_image_runs_as_process_1_of_a_user_who_can_write_to_the_volume_only(image):
    assert argument("USER") == f"{USER}:{USER}"
    with held_port() as port, container(image, port) as (process, output):
        assert not is_healthy(port)
        deadline = time.monotonic() + 120
        while not is_healthy(port):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        assert stop(process) == 0
    text = output.read_text()
    assert "First admin, shown this once: sign in as admin@example.com" in text
    assert [line for line in text.splitlines() if "Traceback" in line or '"error"' in line] == []
    files = [path for path in (image / "data").rglob("*") if path.is_file()]
    assert {"larder.db", "secret_key"} <= {path.name for path in files}
    assert {(path.stat().st_uid, path.stat().st_mode & 0o077) for path in files} == {(USER, 0)}


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to mount folders")
def test_process_1_can_be_stopped_while_it_starts(image):
    with held_port() as port, container(image, port) as (process, output):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while "python" not in Path(f"/proc/{(children.read_text().split() or ['self'])[0]}/cmdline").read_text() or (
            not list((image / "data").iterdir())
        ):
            assert process.poll() is None, output.read_text()
            time.sleep(0.01)
        assert stop(process) == 0
