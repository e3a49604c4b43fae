"""What the server refuses by itself: heads and bodies that cannot be read, or could be read in two ways (RFC 9112)."""

import json
import re
import time

import pytest

from backend.config.settings import Settings
from backend.middleware.connections.adjustments import adjust
from backend.middleware.connections.parser import Parser
from tests.parts.server import running_server
from tests.parts.sockets import connect

HEAD = b"GET /health/live HTTP/1.1\r\nHost: larder\r\n"
POST = b"POST /api/v1/auth/login HTTP/1.1\r\nHost: larder\r\nContent-Type: application/json\r\n"
BODY = b'{"email": "a@example.com", "password": "x"}'
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
LINE = b"GET /health/live HTTP/1.1\r\n"
LIMIT = 20_000
SECURITY = ("X-Content-Type-Options", "X-Frame-Options", "Referrer-Policy", "Content-Security-Policy", "X-Request-ID")
SECURITY += ("Cross-Origin-Resource-Policy", "Strict-Transport-Security")

# Each is answered with this status, in the one shape, and its connection closed.
REFUSED = {
    "length of 5,000 digits": (400, POST + b"Content-Length: " + b"9" * 5_000 + b"\r\n\r\n"),
    "length of 20 digits": (400, POST + b"Content-Length: 99999999999999999999\r\n\r\n"),
    "length with a sign": (400, POST + b"Content-Length: +5\r\n\r\n12345"),
    "negative length": (400, POST + b"Content-Length: -5\r\n\r\n12345"),
    "length with an underscore": (400, POST + b"Content-Length: 1_0\r\n\r\n1234567890"),
    "hexadecimal length": (400, POST + b"Content-Length: 0x5\r\n\r\n12345"),
    "length of other digits": (400, POST + "Content-Length: ٣\r\n\r\n123".encode()),
    "empty length": (400, POST + b"Content-Length:\r\n\r\n"),
    "two lengths": (400, POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n123456"),
    "one length twice": (400, POST + b"Content-Length: 5\r\ncontent-length: 5\r\n\r\n12345"),
    "a list of lengths": (400, POST + b"Content-Length: 5, 5\r\n\r\n12345"),
    "length and coding": (400, POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "coding and length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n"),
    "chunked twice": (400, POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    "chunked in two lines": (400, POST + b"Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "empty coding": (400, POST + b"Transfer-Encoding: \r\n\r\n"),
    "another coding": (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "identity": (501, POST + b"Transfer-Encoding: identity\r\n\r\n"),
    "a coding that looks like chunked": (501, POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"),
    "chunked in HTTP/1.0": (400, CHUNKED.replace(b"1.1", b"1.0", 1) + b"0\r\n\r\n"),
    "no Host": (400, LINE + b"\r\n"),
    "two Hosts": (400, HEAD + b"Host: other\r\n\r\n"),
    "one Host twice": (400, HEAD + b"Host: larder\r\n\r\n"),
    "two Hosts in HTTP/1.0": (400, HEAD.replace(b"1.1", b"1.0") + b"Host: other\r\n\r\n"),
    "a Host with a space": (400, LINE + b"Host: lar der\r\n\r\n"),
    "a Host with a path": (400, LINE + b"Host: larder/x\r\n\r\n"),
    "a Host of other bytes": (400, LINE + b"Host: l\xe4rder\r\n\r\n"),
    "a folded header": (400, HEAD + b"X-A: b\r\n c\r\n\r\n"),
    "a fold of nothing": (400, LINE + b" folded\r\nHost: larder\r\n\r\n"),
    "a space before the colon": (400, HEAD + b"X-A : b\r\n\r\n"),
    "a tab before the colon": (400, POST + b"Content-Length\t: 5\r\n\r\n12345"),
    "no colon": (400, HEAD + b"X-A\r\n\r\n"),
    "no name": (400, HEAD + b": b\r\n\r\n"),
    "a name of other bytes": (400, HEAD + b"X-\xc3\xa4: b\r\n\r\n"),
    "NUL in a value": (400, HEAD + b"X-A: b\x00c\r\n\r\n"),
    "a control character in a value": (400, HEAD + b"X-A: b\x1bc\r\n\r\n"),
    "CR in a value": (400, HEAD + b"X-A: b\rX-B: c\r\n\r\n"),
    "LF alone between headers": (400, b"GET / HTTP/1.1\r\nHost: larder\nX-A: b\r\n\r\n"),
    "LF alone everywhere": (400, b"GET / HTTP/1.1\nHost: larder\n\n"),
    "NUL in the path": (400, b"GET /a\x00b HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a tab in the path": (400, b"GET /health/\tlive HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a space in the path": (400, b"GET /health/ live HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "two spaces": (400, b"GET  /health/live HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a space at the end": (400, b"GET /health/live HTTP/1.1 \r\nHost: larder\r\n\r\n"),
    "a path without a slash": (400, b"GET health/live HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a star": (400, b"GET * HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "another scheme": (400, b"GET ftp://larder/ HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a user in the target": (400, b"GET http://me@larder/ HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "half an address": (400, b"GET http://[::1/ HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a tunnel": (400, b"CONNECT larder:443 HTTP/1.1\r\nHost: larder:443\r\n\r\n"),
    "a small method": (400, b"get / HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a long method": (501, b"G" * 3_000 + b" / HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "no version": (400, b"GET /\r\nHost: larder\r\n\r\n"),
    "no number": (400, b"GET / HTTP/1.x\r\nHost: larder\r\n\r\n"),
    "HTTP/0.9": (505, b"GET / HTTP/0.9\r\nHost: larder\r\n\r\n"),
    "HTTP/1.2": (505, b"GET / HTTP/1.2\r\nHost: larder\r\n\r\n"),
    "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
    "SSH": (400, b"SSH-2.0-OpenSSH_9.2\r\n\r\n"),
    "a long head": (431, HEAD + b"X-A: " + b"b" * 40_000 + b"\r\n\r\n"),
    "many headers": (431, HEAD + b"X-A: b\r\n" * 10_000 + b"\r\n"),
    "a long path": (431, b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "a long head without an end": (431, HEAD + b"X-A: " + b"b" * 40_000),
    "a long method without an end": (431, b"G" * 40_000),
    "a size that is no number": (400, CHUNKED + b"five\r\n12345\r\n0\r\n\r\n"),
    "a size with a sign": (400, CHUNKED + b"+5\r\n12345\r\n0\r\n\r\n"),
    "a size with an underscore": (400, CHUNKED + b"1_0\r\n1234567890123456\r\n0\r\n\r\n"),
    "a size with 0x": (400, CHUNKED + b"0x5\r\n12345\r\n0\r\n\r\n"),
    "a size with a line end": (400, CHUNKED + b"5\n\r\n12345\r\n0\r\n\r\n"),
    "an empty size": (400, CHUNKED + b"\r\n5\r\n12345\r\n0\r\n\r\n"),
    "a size of many digits": (400, CHUNKED + b"0" * 500 + b"5\r\n12345\r\n0\r\n\r\n"),
    "a size without end": (400, CHUNKED + b"5;" + b"a" * 5_000),
    "a chunk that is too long": (400, CHUNKED + b"5\r\n123456\r\n0\r\n\r\n"),
    "a chunk ended by LF": (400, CHUNKED + b"5\r\n12345\n0\r\n\r\n"),
    "a negative size": (400, CHUNKED + b"-1\r\n\r\n"),
    "a long trailer": (431, CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 2_000),
    "a length over the limit": (413, POST + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1)),
    "a length over the limit, expecting": (413, POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"),
    "chunks over the limit": (413, CHUNKED + (b"800\r\n" + b"a" * 2048 + b"\r\n") * 20),
    "a chunk of the largest size": (413, CHUNKED + b"ffffffffffffffff\r\n" + b"a" * (LIMIT + 1)),
}
TAKEN = {
    "HTTP/1.0 without Host": (200, b"GET /health/live HTTP/1.0\r\n\r\n"),
    "an empty Host": (200, LINE + b"Host:\r\n\r\n"),
    "a Host with a port": (200, LINE + b"Host: larder:8000\r\n\r\n"),
    "an IPv6 Host": (200, LINE + b"Host: [::1]:8000\r\n\r\n"),
    "a URL": (200, b"GET http://larder/health/live HTTP/1.1\r\nHost: other\r\n\r\n"),
    "a URL in capitals": (200, b"GET HTTP://LARDER/health/live HTTP/1.1\r\nHost: LARDER\r\n\r\n"),
    "a URL without a path": (200, b"GET https://larder HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "all options": (404, b"OPTIONS * HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "an unknown method": (405, b"BREW /health/live HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "NUL in percents": (404, b"GET /a%00b HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "other bytes in the path": (404, b"GET /caf\xe9 HTTP/1.1\r\nHost: larder\r\n\r\n"),
    "blank lines before": (200, b"\r\n\r\n\r\n" + HEAD + b"\r\n"),
    "empty values": (200, HEAD + b"X-A:\r\nX-B: \t \r\nX-C:" + b" " * 30_000 + b"c\r\n\r\n"),
    "underscores": (200, HEAD + b"Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n"),
    "small letters": (200, b"GET /health/live HTTP/1.1\r\nhost:larder\r\n\r\n"),
    "a cookie of any bytes": (200, HEAD.replace(b"health/live", b"openapi.json") + b"Cookie: other=caf\xe9\r\n\r\n"),
    "a body": (401, POST + b"Content-Length: %d\r\n\r\n%s" % (len(BODY), BODY)),
    "a body of the largest size": (400, POST + b"Content-Length: %d\r\n\r\n" % LIMIT + b"a" * LIMIT),
    "zeros before the length": (401, POST + b"Content-Length: 000%d\r\n\r\n%s" % (len(BODY), BODY)),
    "a length of nothing": (400, POST + b"Content-Length: 0\r\n\r\n"),
    "chunks": (401, CHUNKED + b'1\r\n{\r\n%x;a="b;c";d\r\n%s\r\n0\r\nX-A: b\r\n\r\n' % (len(BODY) - 1, BODY[1:])),
    "chunks in capitals": (400, CHUNKED + b"0A\r\nabcdefghij\r\n000\r\n\r\n"),
    "a body of a read": (200, HEAD + b"Content-Length: 5\r\n\r\n12345"),
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a server that takes small bodies."""
    more = {"max_body_bytes": LIMIT, "public_url": "https://larder.example.com", "max_import_bytes": 2 * LIMIT}
    with running_server(tmp_path_factory.mktemp("server"), **more) as address:
        yield address


def exchange(address, sent, pieces=1):
    """Send the bytes, and return all that comes until the connection is closed."""
    with connect(address) as connection:
        size = -(-len(sent) // pieces)
        try:
            for start in range(0, len(sent), size):
                connection.sendall(sent[start : start + size])
        except OSError:
            pass  # refused already
        with connection.makefile("rb") as answer:
            return answer.read()


def parts(answer):
    """Return (status, headers, body) of the first answer in the bytes."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    return int(first.split()[1]), {name.lower(): value for name, value in headers.items()}, body


@pytest.mark.parametrize("case", REFUSED)
def test_an_invalid_request_gets_an_error_and_its_connection_is_closed(address, case):
    status, sent = REFUSED[case]
    answer = exchange(address, sent + HEAD + b"\r\n")
    found, headers, body = parts(answer)
    assert (found, headers["connection"], len(re.findall(rb"^HTTP/1\.\d \d", answer, re.M))) == (status, "close", 1)
    assert not [name for name in SECURITY if name.lower() not in headers]
    failure = json.loads(body)
    assert failure["success"] is False
    assert sorted(failure) == ["error", "success", "timestamp"]
    assert failure["error"]["message"].endswith(".")
    assert failure["error"]["details"] == {}
    assert failure["error"]["code"] == ("PAYLOAD_TOO_LARGE" if status == 413 else "MALFORMED_REQUEST")


@pytest.mark.parametrize("case", TAKEN)
@pytest.mark.parametrize("pieces", [1, 7])
def test_unusual_but_unambiguous_requests_are_accepted(address, case, pieces):
    status, sent = TAKEN[case]
    close = (
        sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
        if sent[:1] != b"\r"
        else sent + HEAD + b"Connection: close\r\n\r\n"
    )
    assert parts(exchange(address, close, pieces))[0] == status


def test_a_message_names_the_limit_and_its_setting(address):
    message = json.loads(parts(exchange(address, REFUSED["a length over the limit"][1]))[2])["error"]["message"]
    assert message == "The body is larger than 20,000 bytes (LARDER_MAX_BODY_BYTES)."


def test_a_refusal_keeps_its_id_can_be_read_by_allowed_origins_and_is_logged_and_counted(tmp_path):
    more = {"cors_origins": "https://app.example.com", "metrics_token": "a" * 32}
    sent = POST + b"X-Request-ID: of-the-client\r\nOrigin: https://%s.example.com\r\nContent-Length: 9999999\r\n\r\n"
    with running_server(tmp_path, **more) as address:
        _, allowed, _ = parts(exchange(address, sent % b"app"))
        _, other, _ = parts(exchange(address, sent % b"other"))
        bearer = b"Authorization: Bearer " + b"a" * 32
        counted = exchange(address, b"GET /metrics HTTP/1.0\r\n" + bearer + b"\r\n\r\n").decode()
    assert allowed["access-control-allow-origin"] == "https://app.example.com"
    assert "access-control-allow-origin" not in other
    assert allowed["x-request-id"] == "of-the-client"
    line = next(line for line in map(json.loads, lines(tmp_path)) if line.get("request_id") == "of-the-client")
    assert (line["event"], line["method"], line["path"]) == ("request", "POST", "/api/v1/auth/login")
    assert (line["status"], line["reason"]) == (413, "The body is larger than 1,048,576 bytes (LARDER_MAX_BODY_BYTES).")
    assert [line for line in counted.splitlines() if 'status="413"' in line and 'method="POST"' in line]


def test_a_head_that_is_refused_can_be_read_by_allowed_origins_and_never_fails_a_preflight(tmp_path):
    origin = b"Origin: https://app.example.com\r\n"
    asks = b" /nowhere HTTP/1.1\r\nHost: larder\r\nAccess-Control-Request-Method: PUT\r\n" + origin
    long = b"X-A: " + b"b" * 40_000 + b"\r\n"
    with running_server(tmp_path, cors_origins="https://app.example.com") as address:
        for status, sent in (
            (431, HEAD + origin + long + b"\r\n"),
            (400, b"patch /x HTTP/1.1\r\n" + origin + b"\r\n"),
            (400, HEAD + origin + b"Host: other\r\n\r\n"),
            (413, POST + origin + b"Content-Length: 9999999\r\n\r\n"),
            (204, b"OPTIONS" + asks + b"\r\n"),
            (204, b"OPTIONS" + asks + b"Content-Length: 9999999\r\n\r\n"),
            (204, b"OPTIONS" + asks + long + b"\r\n"),
            (204, b"OPTIONS /%s" % (b"a" * 30_000) + asks.removeprefix(b" /nowhere") + b"\r\n"),
        ):
            sent = sent.replace(b"\r\n", b"\r\nConnection: close\r\n", 1)
            answered, headers, body = parts(exchange(address, sent))
            assert (answered, headers["access-control-allow-origin"]) == (status, "https://app.example.com"), sent[:40]
            assert "Origin" in headers["vary"]
            assert bool(body) == (status != 204)
            unknown = parts(exchange(address, sent.replace(b"app.example", b"evil.example")))[1]
            assert "access-control-allow-origin" not in unknown
        local = POST + b"Origin: http://localhost:5173\r\nContent-Length: 9999999\r\n\r\n"
        assert parts(exchange(address, local))[1]["access-control-allow-origin"] == "http://localhost:5173"


def lines(folder):
    return [line for line in (folder / "server0.log").read_text().splitlines() if line.startswith("{")]


def test_no_header_of_any_bytes_is_an_error_of_the_server(address):
    names = ["Authorization", "Cookie", "X-CSRF-TOKEN", "If-Match", "If-None-Match", "If-Range", "Range", "Origin"]
    names += ["Idempotency-Key", "X-Request-ID", "X-Forwarded-For", "Forwarded", "Content-Type", "Accept", "User-Agent"]
    names += ["Content-Encoding", "Expect", "Connection", "Upgrade", "Referer", "TE", "Keep-Alive", "Accept-Encoding"]
    values = [b"caf\xe9", b"\xff\xfe=\xe9; \x80", b"", b'"', b"a, b", b"x" * 30_000]
    paths = [b"/api/v1/auth/me", b"/docs/swagger-ui.css", b"/openapi.json", b"/health/ready", b"/nowhere"]
    for name in names:
        for number, value in enumerate(values):
            header = name.encode() + b": " + value + b"\r\n"
            head = b"HEAD %s HTTP/1.1\r\nHost: larder\r\n" % paths[(number + len(name)) % len(paths)]
            twice = header * 2 if len(value) < 1_000 else header
            assert parts(exchange(address, head + twice + b"Connection: close\r\n\r\n"))[0] < 500, header[:40]


def test_a_refused_request_gets_no_100_continue(address):
    assert b"100 Continue" not in exchange(address, REFUSED["a length over the limit, expecting"][1])


def test_several_cookie_headers_are_one(address):
    """As proxies hand on what HTTP/2 splits."""
    head = HEAD.replace(b"health/live", b"api/v1/auth/me")
    sent = head + b"Connection: close\r\nCookie: a=b\r\nCookie: access_token=c\r\n\r\n"
    assert parts(exchange(address, sent))[0] == 401


@pytest.mark.parametrize(
    "sent",
    [
        lambda size: HEAD + b"X-A:" + b" " * size + b"b\r\n\r\n",
        lambda size: HEAD + b"X-A: b\r\n" * (size // 8) + b"\r\n",
        lambda size: CHUNKED + b"1\r\na\r\n" * (size // 2) + b"0\r\n\r\n",
    ],
    ids=["spaces", "headers", "chunks"],
)
def test_heads_and_chunks_are_read_in_a_time_that_grows_with_their_length(sent):
    """One thread reads all heads: it must not be held up. What takes the square of the time takes 64 times as long."""
    assert seconds_of_reading(sent(30_000)) < 24 * seconds_of_reading(sent(30_000 // 8))


def seconds_of_reading(sent):
    """Return the least time of this thread, whatever else the machine does, for reading a request."""
    times = []
    for _ in range(4):
        parser, began = Parser(adjust(Settings(max_body_bytes=1 << 30))), time.thread_time()
        head = parser.received(sent)
        if head < len(sent):
            parser.received(sent[head:])
        times.append(time.thread_time() - began)
        assert parser.completed
        assert not parser.error
    return min(times)
