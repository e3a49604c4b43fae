"""What the tools say of the configurations and scripts in `deploy/`."""

import re
import shutil
import subprocess

from tests.deploy.machine import HOST
from tests.parts.server import ROOT

DEPLOY = ROOT / "deploy"


def check(*command):
    """Run a tool, which has to be there and to be content."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_caddy_accepts_the_caddyfile():
    check("caddy", "adapt", "--config", DEPLOY / "Caddyfile", "--adapter", "caddyfile")
    check("caddy", "fmt", DEPLOY / "Caddyfile")


def test_nginx_accepts_its_configuration(tmp_path):
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    subject = ["-subj", f"/CN={HOST}", "-days", "1", "-nodes", "-newkey", "rsa:2048"]
    check("openssl", "req", "-x509", *subject, "-out", certificate, "-keyout", key)
    site = (DEPLOY / "nginx.conf").read_text().replace(f"/etc/letsencrypt/live/{HOST}", str(tmp_path))
    (tmp_path / "site.conf").write_text(site)
    (tmp_path / "nginx.conf").write_text(
        f"events {{}}\npid {tmp_path}/pid;\nhttp {{ include {tmp_path}/site.conf; }}\n"
    )
    check(shutil.which("nginx") or "/usr/sbin/nginx", "-t", "-e", tmp_path / "log", "-c", tmp_path / "nginx.conf")


def test_systemd_accepts_the_units_and_rates_them_as_hardened(tmp_path):
    for source in (DEPLOY / "systemd").iterdir():
        unit = re.sub("^ExecStart=/opt/.*", "ExecStart=/bin/true", source.read_text(), flags=re.MULTILINE)
        (tmp_path / source.name.replace("@", "@1")).write_text(unit)  # as an instance, which the socket names
    units = sorted(tmp_path.iterdir())
    output = check("systemd-analyze", "verify", "--man=no", *units)
    assert str(tmp_path) not in output, output
    for unit in units:
        if unit.suffix == ".service":
            check("systemd-analyze", "security", "--offline=yes", "--threshold=25", unit)  # of 100; the usual is 96


def test_shellcheck_finds_nothing_in_the_scripts():
    scripts = [DEPLOY / name for name in ("install.sh", "upgrade.sh", "uninstall.sh", "larder")]
    check("shellcheck", "-x", "-P", DEPLOY, *scripts)
