"""A Debian machine for tests: made by debootstrap, started with its own systemd by systemd-nspawn."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from tests.parts.server import ROOT

HOST = "larder.example.com"
SUITE = "bookworm"
PACKAGES = "systemd,systemd-sysv,dbus,python3,python3-venv,ca-certificates,curl"
BOOT_SECONDS = 300
STATES = ("running", "degraded")


class Machine:
    """A machine that has started; its files are below `root`."""

    def __init__(self, root, leader, environment):
        self.root, self._leader, self._environment = root, leader, environment

    def run(self, command, check=True):
        """Run a command by bash as root in the machine; return the CompletedProcess, its output as text."""
        inside = [
            "nsenter",
            f"--target={self._leader}",
            "--all",
            "env",
            "-i",
            *self._environment,
            "bash",
            "-c",
            command,
        ]
        done = subprocess.run(inside, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert not check or done.returncode == 0, f"{command}\n{done.stdout}"
        return done


@contextmanager
def debian_machine():
    """Start a machine on the network of this one, and yield it; pip in it is set up as it is here."""
    folder = ROOT / ".tmp"
    folder.mkdir(exist_ok=True)
    base = folder / f"debian-{SUITE}"
    if not (base / "complete").exists():
        shutil.rmtree(base, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={PACKAGES}", SUITE, base], check=True)
        (base / "complete").touch()
    root = Path(tempfile.mkdtemp(prefix="machine-", dir=folder))
    subprocess.run(["cp", "-a", f"{base}/.", root], check=True)
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    binds = _carry_over_pip(root)
    command = ["systemd-nspawn", f"--directory={root}", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
    log = (folder / "machine.log").open("wb")
    process = subprocess.Popen(
        [*command, *(f"--bind-ro={path}" for path in binds)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
    )
    try:
        machine = Machine(
            root, _leader_of(process), ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin", "HOME=/root"]
        )
        _wait_until_started(machine)
        yield machine
    finally:
        process.terminate()
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
        log.close()
        shutil.rmtree(root, ignore_errors=True)


def _carry_over_pip(root):
    """Copy this machine's pip configuration into the pip.conf of the other one; return the paths in it."""
    configured = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], check=True, capture_output=True, text=True
    ).stdout
    options = {}
    for name, value in re.findall(r"^(?:global|:env:)\.([a-z-]+)='(.*)'$", configured, re.MULTILINE):
        options.setdefault(name, value)
    lines = [f"{name} = {value}" for name, value in options.items()]
    (root / "etc" / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    paths = {word.removeprefix("file://") for value in options.values() for word in value.split()}
    mentioned = {path.removesuffix("/simple") for path in paths if path.startswith("/")}
    return [path for path in sorted(mentioned) if Path(path).exists()]


def _leader_of(process):
    """Return the process id of the machine's init."""
    deadline = time.monotonic() + BOOT_SECONDS
    while time.monotonic() < deadline:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        if children:
            return children[0]
        time.sleep(0.1)
    raise RuntimeError("systemd-nspawn has started no machine")


def _wait_until_started(machine):
    deadline = time.monotonic() + BOOT_SECONDS
    while machine.run("systemctl is-system-running", check=False).stdout.strip() not in STATES:
        if time.monotonic() > deadline:
            raise RuntimeError("The machine has not started: see .tmp/machine.log")
        time.sleep(0.2)
