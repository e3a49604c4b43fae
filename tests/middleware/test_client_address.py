"""Whose address a request counts for: the peer's, or the one a trusted proxy names."""

import json
from dataclasses import replace

import pytest

from backend import create_app
from backend.models.database import database
from backend.models.session import Session
from tests.conftest import ON_SQLITE, PASSWORD
from tests.parts.server import Caller, running_server

CREDENTIALS = {"email": "alice@example.com", "password": PASSWORD}
PROXY, INNER_PROXY, CLIENT = "10.0.0.1", "192.168.1.7", "203.0.113.9"

BEHIND_A_PROXY = [
    (CLIENT, CLIENT),
    (f" {CLIENT} ", CLIENT),
    (f"198.51.100.1, {CLIENT}", CLIENT),
    (f"{CLIENT}, {INNER_PROXY}", CLIENT),
    (f"198.51.100.1,{CLIENT},10.7.7.7,{INNER_PROXY}", CLIENT),
    ("2001:db8::1", "2001:db8::1"),
    ("2001:DB8:0:0::1", "2001:db8::1"),
    (f"::ffff:{CLIENT}", CLIENT),
    (f"{INNER_PROXY}, 10.7.7.7", INNER_PROXY),
    # As load balancers write it: with a port, in brackets, in quotes, with the zone of a link.
    (f"{CLIENT}:49152", CLIENT),
    (f"{CLIENT}:1", CLIENT),
    (f"{CLIENT}:_hidden", CLIENT),
    ("[2001:db8::7]:4915", "2001:db8::7"),
    ("[2001:DB8:0::7]", "2001:db8::7"),
    ('"[2001:db8::7]:4915"', "2001:db8::7"),
    (f'"{CLIENT}:4915"', CLIENT),
    (f"[::ffff:{CLIENT}]:80", CLIENT),
    ("fe80::7%eth0", "fe80::7"),
    ("[fe80::7%25eth0]:80", "fe80::7"),
    (f"{CLIENT}:49152, {INNER_PROXY}:443", CLIENT),
    (f"{CLIENT}:80,[fd00::5]:443, [::ffff:10.2.2.2]:80", CLIENT),
    (f"unknown, {CLIENT}:80", CLIENT),
    (f", ,{CLIENT}", CLIENT),
    # Nothing that is an address: the proxy's own.
    ("", PROXY),
    ("unknown", PROXY),
    (f"{CLIENT},", PROXY),
    (f"{CLIENT}, nobody", PROXY),
    (f"{CLIENT};{INNER_PROXY}", PROXY),
    (f"{CLIENT}:", PROXY),
    (f"{CLIENT}:port", PROXY),
    (f"{CLIENT}:123456", PROXY),
    (f"[{CLIENT}", PROXY),
    ("2001:db8::7]:80", PROXY),
    ("[2001:db8::7]80", PROXY),
    ("[]:80", PROXY),
    ("unix:", PROXY),
    (f"{CLIENT}, ,", PROXY),
    (f"{CLIENT} {INNER_PROXY}", PROXY),
    ("caf\xe9", PROXY),
    ("1" * 5_000, PROXY),
]


@pytest.fixture
def address_of(settings):
    """A function that signs alice in, from a peer and with headers, and returns the address kept with her session."""
    app = create_app(replace(settings, trusted_proxies=f"10.0.0.0/8, {INNER_PROXY}, fd00::/8"))

    def sign_in(peer, **headers):
        answer = app.test_client().post(
            "/api/v1/auth/login",
            json=CREDENTIALS,
            environ_base={"REMOTE_ADDR": peer},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert answer.status_code == 200
        return Session.select().order_by(Session.id.desc()).get().address

    yield sign_in
    database.close_all()


@ON_SQLITE
def test_a_trusted_proxy_names_the_client(address_of):
    for forwarded, address in BEHIND_A_PROXY:
        assert address_of(PROXY, X_Forwarded_For=forwarded) == address, forwarded


@ON_SQLITE
def test_what_cannot_be_read_is_logged_once_for_each_proxy(address_of, read_lines):
    for forwarded in ("unknown", "unix:", "", f"{CLIENT}:80") * 3:
        for peer in (PROXY, INNER_PROXY, CLIENT):
            address_of(peer, X_Forwarded_For=forwarded)
    lines = [line for line in read_lines() if "X-Forwarded-For" in line]
    assert [json.loads(line)["proxy"] for line in lines] == [PROXY, INNER_PROXY]
    assert json.loads(lines[0])["value"] == "unknown"


@ON_SQLITE
def test_ports_do_not_make_many_clients_of_one(settings):
    app = create_app(replace(settings, trusted_proxies=PROXY, rate_limit_auth="3/minute"))
    answers = [
        app.test_client().post(
            "/api/v1/auth/login",
            json=CREDENTIALS | {"password": "wrong", "email": f"{port}@example.com"},
            environ_base={"REMOTE_ADDR": PROXY},
            headers={"X-Forwarded-For": f"{CLIENT}:{port}"},
        )
        for port in range(5000, 5005)
    ]
    database.close_all()
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429, 429]


@ON_SQLITE
def test_a_proxy_that_says_nothing_is_the_client(address_of):
    assert address_of(PROXY) == PROXY


@ON_SQLITE
def test_a_proxy_may_be_reached_over_ipv6(address_of):
    assert address_of("fd00::1", X_Forwarded_For=CLIENT) == CLIENT
    assert address_of(f"::ffff:{PROXY}", X_Forwarded_For=CLIENT) == CLIENT


@ON_SQLITE
def test_a_forged_forwarded_header_does_not_change_the_address(address_of):
    for peer in (CLIENT, "192.168.1.8", "fe80::1"):
        assert address_of(peer, X_Forwarded_For="198.51.100.1") == peer


@ON_SQLITE
def test_a_client_behind_a_proxy_does_not_choose_its_address(address_of):
    """Proxies append: what the client sent comes first."""
    assert address_of(PROXY, X_Forwarded_For=f"{INNER_PROXY}, 198.51.100.1, {CLIENT}") == CLIENT


@ON_SQLITE
def test_no_other_header_names_the_client(address_of):
    headers = {"X_Real_IP": CLIENT, "Forwarded": f"for={CLIENT}", "X_Client_IP": CLIENT, "X_Forwarded_Host": CLIENT}
    assert address_of(PROXY, **headers) == PROXY


@ON_SQLITE
def test_nobody_is_trusted_by_default(app):
    for peer in (PROXY, "127.0.0.1", "::1"):
        options = {"environ_base": {"REMOTE_ADDR": peer}, "headers": {"X-Forwarded-For": CLIENT}}
        assert app.test_client().post("/api/v1/auth/login", json=CREDENTIALS, **options).status_code == 200
    assert {session.address for session in Session.select()} == {PROXY, "127.0.0.1", "::1"}


@pytest.mark.parametrize(("trusted", "expected"), [("127.0.0.1", CLIENT), ("127.0.0.2", "127.0.0.1")])
def test_the_server_follows_the_same_rule(tmp_path, trusted, expected):
    headers = {"X-Forwarded-For": CLIENT, "X-Forwarded-Proto": "https", "Forwarded": "for=198.51.100.1"}
    with running_server(tmp_path, trusted_proxies=trusted) as address, Caller(address) as caller:
        caller.connection.request("GET", "/", headers=headers)
        assert caller.connection.getresponse().status == 200
    lines = [json.loads(line) for line in (tmp_path / "server0.log").read_text().splitlines() if line.startswith("{")]
    assert [line["address"] for line in lines if line.get("path") == "/"] == [expected]
