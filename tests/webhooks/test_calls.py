"""Where webhooks may call, and how a call is limited: with real sockets, and a resolver of its own."""

import socket
import time

import pytest

from backend.services.webhooks import sockets
from backend.services.webhooks.calls import CallFailed, Client, Response
from backend.services.webhooks.targets import NotAllowed, Target, parse_target
from backend.utils.addresses import is_public, parse_address, parse_networks
from tests.parts.receiver import make_certificate, raw_receiver, receiver
from tests.parts.server import held_port

LOCAL = parse_networks("127.0.0.0/8")

PRIVATE = [
    *("127.0.0.1", "127.255.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "0.1.2.3"),
    *("100.64.0.1", "100.127.255.255", "192.0.0.1", "192.0.0.8", "192.0.2.1", "192.88.99.1", "198.18.0.1"),
    *("198.51.100.1", "203.0.113.1", "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "ff0e::1", "100::1"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::a00:1", "::127.0.0.1", "::8.8.8.8"),
    *("2002:7f00:1::", "2002:808:808::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:db8::1"),
    *("3fff::1", "5f00::1", "4000::1", "fe80::1%eth0", "2606:4700::1%eth0"),
]
PUBLIC = ["8.8.8.8", "1.1.1.1", "100.63.255.255", "100.128.0.1", "2606:4700:4700::1111", "2a01:4f8::1"]


@pytest.mark.parametrize("text", PRIVATE)
def test_is_not_public(text):
    assert not is_public(parse_address(text))


def test_public_addresses_are_public_and_those_mapped_into_ipv6_are_read_as_ipv4():
    assert [is_public(parse_address(text)) for text in PUBLIC] == [True] * len(PUBLIC)
    assert not is_public(parse_address("::ffff:127.0.0.1"))
    assert is_public(parse_address("::ffff:8.8.8.8"))


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://example.com", Target("https", "example.com", 443, "/")),
        ("https://EXAMPLE.com.:8443/a%20b?x=1&y=ü", Target("https", "example.com", 8443, "/a%20b?x=1&y=%C3%BC")),
        ("https://straße.de/ä", Target("https", "xn--strae-oqa.de", 443, "/%C3%A4")),
        ("https://[2606:4700:4700:0::1111]/", Target("https", "2606:4700:4700::1111", 443, "/")),
        ("https://8.8.8.8:443/", Target("https", "8.8.8.8", 443, "/")),
        ("https://hook_1.internal/", Target("https", "hook_1.internal", 443, "/")),
        ("https://example。com。:0443?x", Target("https", "example.com", 443, "/?x")),
        (f"https://{'a' * 63}.example/", Target("https", f"{'a' * 63}.example", 443, "/")),
    ],
)
def test_reads_a_url(url, target):
    assert parse_target(url, ()) == target


@pytest.mark.parametrize(
    ("url", "authority"),
    [
        ("https://example.com:443/", "example.com"),
        ("https://example.com:80/", "example.com:80"),
        ("https://[2606:4700::1]:8443/", "[2606:4700::1]:8443"),
    ],
)
def test_the_host_has_its_port_if_it_is_not_the_usual_one(url, authority):
    assert parse_target(url, ()).authority == authority


REFUSED = [
    *("http://example.com", "ftp://example.com", "file:///etc/passwd", "//example.com", "example.com", ""),
    *("https://", "https:///x", "https://a@example.com", "https://a:b@example.com", "https://example.com/#x"),
    *("https://example.com:0", "https://example.com:65536", "https://example.com:x", "https://exa mple.com"),
    *("https://example.com/\n", "https://example.com\\@127.0.0.1/", "https://[::1", "https://a..b", "https://%31/"),
    *("https://127.1", "https://0177.0.0.1", "https://2130706433", "https://0x7f000001", "https://127.0.0.1."),
    *("https://127.0.0.１", "https://1.2.3.4.5", "https://example.0x7f", "https://example.com/" + "x" * 2000),
    *(f"https://{text}/" if ":" not in text else f"https://[{text}]/" for text in PRIVATE),
    *(
        "https://[::ffff:127.0.0.1]/",
        "https://0x7f.1",
        "https://0300.0250.1",
        "https://127。0。0。1。",
        "https://١.٢.٣.٤",
    ),
    *("https://127.0.0.1..", "https://a.b..", "https://.a.b", "https://*.a.b", "https://example.com:+443"),
    *(f"https://{'a' * 64}.example", f"https://{'ü' * 60}.example", f"https://{'a.' * 126}example"),
]


@pytest.mark.parametrize("url", REFUSED)
def test_refuses_a_url(url):
    with pytest.raises(NotAllowed, match=r"^[A-Z].*\.$"):
        parse_target(url, ())


def test_networks_of_the_installation_may_be_called_also_without_tls():
    assert parse_target("http://127.0.0.1:8080/x", LOCAL) == Target("http", "127.0.0.1", 8080, "/x")
    assert parse_target("https://127.0.0.1/", LOCAL).port == 443
    assert parse_target("http://name.internal/", LOCAL).host == "name.internal"  # its addresses are checked at the call
    for url in ("https://10.0.0.1/", "http://8.8.8.8/", "http://10.0.0.1/"):
        with pytest.raises(NotAllowed):
            parse_target(url, LOCAL)


def resolver(*answers):
    """Return a resolver that gives the addresses of the next answer at each look-up, then those of the last."""
    left = list(answers)

    def look_up(host, port, **options):
        addresses = left.pop(0) if len(left) > 1 else left[0]
        return [
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (text, port, 0, 0))
            if ":" in text
            else (socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in addresses
        ]

    return look_up


@pytest.fixture
def dialled(monkeypatch):
    """The addresses that sockets are connected to."""
    found, connect = [], socket.socket.connect

    def note(self, place):
        found.append(place[0])
        return connect(self, place)

    monkeypatch.setattr(socket.socket, "connect", note)
    return found


def post(url, *, answers=(["127.0.0.1"],), networks=LOCAL, seconds=60, body=b"{}"):
    client = Client(networks, resolver(*answers), seconds)
    return client.post(parse_target(url, networks), {"Content-Type": "application/json"}, body)


@pytest.mark.parametrize("text", [*PRIVATE, "::ffff:127.0.0.1"])
def test_dials_no_name_with_an_address_that_is_not_public(dialled, text):
    for addresses in ([text], ["8.8.8.8", text], [text, "2606:4700::1"]):
        with pytest.raises(NotAllowed) as refused:
            post("https://example.com/", answers=[addresses], networks=())
        assert text not in str(refused.value)
    assert dialled == []


def test_dials_only_what_was_checked_even_if_the_name_leads_elsewhere_a_moment_later(dialled):
    with receiver() as inside:
        url = f"http://rebinding.example:{inside.port}/x"
        own = parse_networks("127.0.0.2/32")
        with pytest.raises(CallFailed):  # nobody listens at the address that was checked
            post(url, answers=[["127.0.0.2"], ["127.0.0.1"]], networks=own)
        with pytest.raises(NotAllowed):
            post(url, answers=[["127.0.0.1"]], networks=own)
        assert (dialled, inside.messages) == (["127.0.0.2"], [])


def test_a_public_name_without_tls_is_not_dialled(dialled):
    with pytest.raises(NotAllowed, match="https"):
        post("http://example.com/", answers=[["8.8.8.8"]])
    assert dialled == []


def test_sends_the_body_with_the_name_as_host_and_no_proxy_or_netrc(monkeypatch, tmp_path, dialled):
    monkeypatch.setenv("http_proxy", "http://127.0.0.9:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.9:1")
    (tmp_path / ".netrc").write_text("machine hook.example login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    with receiver() as inside:
        body = "ü".encode() * 100_000
        assert post(f"http://hook.example:{inside.port}/x?y=1", body=body) == Response(204, None)
        (message,) = inside.take()
    assert (message.path, message.body) == ("/x?y=1", body)
    assert message.headers["host"] == f"hook.example:{inside.port}"
    assert message.headers["content-type"] == "application/json"
    assert "authorization" not in message.headers
    assert dialled == ["127.0.0.1"]


def test_tries_the_next_address_if_one_does_not_answer():
    with receiver() as inside:
        assert post(f"http://a.example:{inside.port}/", answers=[["127.0.0.3", "127.0.0.1"]]).status == 204


def test_follows_no_redirect_and_returns_retry_after():
    with receiver() as inside:
        for status, headers in ((302, {"Location": f"{inside.url}/other"}), (429, {"Retry-After": "7"}), (410, {})):
            inside.answer = lambda message, answer=(status, headers): answer
            assert post(inside.url) == Response(status, headers.get("Retry-After"))
        assert [message.path for message in inside.take()] == ["/hook"] * 3


def read_request(connection):
    received = b""
    while b"\r\n\r\n{}" not in received:
        received += connection.recv(4096)


def dribble(head, piece, seconds=0.1):
    """Return a server that sends `head`, then `piece` again and again."""

    def serve(connection):
        read_request(connection)
        connection.sendall(head)
        while True:
            connection.sendall(piece)
            time.sleep(seconds)

    return serve


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        (lambda connection: time.sleep(3), "No response within 0.5 seconds."),  # never reads
        (dribble(b"", b""), "No response within 0.5 seconds."),
        (dribble(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"), "No response within 0.5 seconds."),
        (dribble(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), "No response within 0.5 seconds."),
        (dribble(b"HTTP/1.1 200 OK\r\n", b"X-Many: 1\r\n" * 200, 0), "not valid HTTP"),
        (dribble(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 4096, 0), "not valid HTTP"),
        (lambda connection: read_request(connection), "not valid HTTP"),
        (dribble(b"SSH-2.0-OpenSSH_9.2\r\n", b"x\r\n"), "not valid HTTP"),
        (dribble(b"HTTP/1.1 999999 Wrong\r\n\r\n", b"x"), "not valid HTTP"),
    ],
)
def test_a_receiver_cannot_extend_a_call(serve, reason):
    seconds = 0.5 if "0.5" in reason else 60  # what is no HTTP is refused as soon as it is read
    with raw_receiver(serve) as port, pytest.raises(CallFailed, match=reason):
        post(f"http://slow.example:{port}/", seconds=seconds)


@pytest.mark.parametrize(
    "line",
    [
        *(
            "HTTP/0.9 200 OK\r\n",
            "HTTP/1.x 200 OK\r\n",
            "HTTP/2 200\r\n",
            "HTTP/1.1 +200 OK\r\n",
            "HTTP/1.1 2_0_0 OK\r\n",
        ),
        *(
            "HTTP/1.1 0200 OK\r\n",
            "HTTP/1.1 020 OK\r\n",
            "HTTP/1.1 2000 OK\r\n",
            "HTTP/1.1 200",
            "HTTP/1.1\r\n",
            "\r\n",
        ),
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 +200 OK\r\n",
    ],
)
def test_a_status_line_that_is_not_http_is_a_failure(line):
    def serve(connection):
        read_request(connection)
        connection.sendall(line.encode() + (b"\r\n" if line.endswith("\n") else b""))

    with raw_receiver(serve) as port, pytest.raises(CallFailed, match="not valid HTTP"):
        post(f"http://wrong.example:{port}/")


@pytest.mark.parametrize("line", ["HTTP/1.1 200\r\n", "HTTP/1.0 200 \n", "HTTP/1.1  200  Völlig in Ordnung\r\n"])
def test_a_status_line_may_be_short_or_have_more_spaces(line):
    def serve(connection):
        read_request(connection)
        connection.sendall(line.encode() + b"\r\n")

    with raw_receiver(serve) as port:
        assert post(f"http://short.example:{port}/") == Response(200, None)


def test_a_body_that_never_ends_does_not_hold_back_the_answer(monkeypatch):
    endless = (
        dribble(b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        dribble(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 8192, 0),
        dribble(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"wrong\r\n"),
    )
    for serve in endless:
        with raw_receiver(serve) as port:
            assert post(f"http://slow.example:{port}/").status == 200


def test_a_look_up_that_hangs_ends_with_the_call():
    def hang(*arguments, **options):
        time.sleep(3)

    with pytest.raises(CallFailed, match=r"No response within 0\.2 seconds"):
        Client((), hang, 0.2).post(parse_target("https://example.com/", ()), {}, b"")

    def fail(*arguments, **options):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    with pytest.raises(CallFailed, match="cannot be resolved"):
        Client((), fail, 2).post(parse_target("https://example.com/", ()), {}, b"")


def test_nobody_listens():
    with held_port() as port, pytest.raises(CallFailed, match="Connection refused"):
        post(f"http://down.example:{port}/")


def test_tls_is_checked_for_the_name_that_was_called(tmp_path, monkeypatch):
    certificate, key = make_certificate(tmp_path, "hook.example")
    with receiver(certificate, key) as inside:
        with pytest.raises(CallFailed, match="certificate is not valid"):
            post(f"https://hook.example:{inside.port}/x")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        sockets._tls.cache_clear()
        try:
            assert post(f"https://hook.example:{inside.port}/x").status == 204
            with pytest.raises(CallFailed, match=r"not valid: Hostname mismatch, .*'other\.example'\.$"):
                post(f"https://other.example:{inside.port}/x")
            with pytest.raises(CallFailed, match="certificate is not valid"):
                post(f"https://127.0.0.1:{inside.port}/x")
        finally:
            sockets._tls.cache_clear()
        assert [message.path for message in inside.take()] == ["/x"]
    with receiver() as plain, pytest.raises(CallFailed, match="TLS connection failed"):
        post(f"https://hook.example:{plain.port}/x")
