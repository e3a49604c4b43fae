"""The URLs that webhooks call: which are allowed, and the addresses behind them."""

import re
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import idna

from backend.utils.addresses import Address, Network, is_public

MAX_URL_CHARACTERS = 2000
PORTS = {"https": 443, "http": 80}
NOT_PUBLIC = "The host has an address that is not public, and LARDER_WEBHOOK_NETWORKS does not list it."
ONLY_HTTPS = "Expected a URL that begins with https://. With http:// only addresses in LARDER_WEBHOOK_NETWORKS."
ONLY_NAMES = "Expected a URL with the name of a host, such as https://example.com/hook."

# A last label that browsers and the system read as a number, such as that of `127.1`, `0x7f000001` and `2130706433`.
NUMERIC_END = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)$")
ASCII_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")  # RFC 1035, 2.3.4
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")

Resolver = Callable[..., Sequence[tuple[Any, ...]]]  # such as socket.getaddrinfo


class NotAllowed(Exception):
    """A URL that webhooks may not call. The text names no address: it would say what names resolve to in there."""


class Target(NamedTuple):
    """Where a webhook calls: `host` in ASCII, without brackets, and `path` with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The value of the header `Host`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == PORTS[self.scheme] else f"{host}:{self.port}"


def parse_target(url: str, networks: Sequence[Network]) -> Target:
    """Return the Target of a URL, without resolving its host. `networks` are those of LARDER_WEBHOOK_NETWORKS.

    Raises NotAllowed, with a sentence for the user, if the form of the URL, its scheme or its literal address is not
    allowed.
    """
    if len(url) > MAX_URL_CHARACTERS or UNSAFE.search(url):
        raise NotAllowed(f"Expected a URL of at most {MAX_URL_CHARACTERS} characters, without spaces.")
    try:
        parts = urlsplit(url)
        port, name = parts.port, parts.hostname or ""
    except ValueError as error:
        raise NotAllowed("Expected a URL such as https://example.com/hook.") from error
    if parts.scheme not in PORTS or (parts.scheme == "http" and not networks):
        raise NotAllowed(ONLY_HTTPS)
    if "@" in parts.netloc or parts.fragment or port == 0:
        raise NotAllowed("Expected a URL without user name, password and fragment, and with a port from 1 to 65535.")
    host = _ascii_host(name)
    with suppress(ValueError):
        _require_permitted([ip_address(host)], parts.scheme, networks)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = f"?{quote(parts.query, safe='/?%:@!$&()*+,;=~-._[]|')}" if parts.query else ""
    return Target(parts.scheme, host, port or PORTS[parts.scheme], path + query)


def _ascii_host(name: str) -> str:
    with suppress(ValueError):
        return ip_address(name).compressed
    host = _encoded(name).removesuffix(".")
    if not ASCII_NAME.fullmatch(host):
        raise NotAllowed(ONLY_NAMES)
    if NUMERIC_END.search(host):
        raise NotAllowed("Expected an IPv4 address as four decimal numbers, such as 192.0.2.1.")
    return host


def _encoded(name: str) -> str:
    """Return the name in ASCII; it may end with a dot, also if that was another character before."""
    if ASCII_NAME.fullmatch(name.removesuffix(".")):  # `idna` refuses underscores
        return name
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError as error:
        raise NotAllowed(ONLY_NAMES) from error


def resolve(target: Target, networks: Sequence[Network], resolver: Resolver = socket.getaddrinfo) -> list[Address]:
    """Return the addresses of the target, each of which may be called.

    Raises NotAllowed if one of them may not be: a name that leads to several places is not asked for the right one.
    Raises OSError if the name cannot be resolved.
    """
    found = [entry[4] for entry in resolver(target.host, target.port, type=socket.SOCK_STREAM)]
    if not found:
        raise socket.gaierror(socket.EAI_NONAME, "no address")
    if any(len(place) > 3 and place[3] for place in found):  # an IPv6 address of one interface
        raise NotAllowed(NOT_PUBLIC)
    addresses = list(dict.fromkeys(ip_address(place[0]) for place in found))
    _require_permitted(addresses, target.scheme, networks)
    return addresses


def _require_permitted(addresses: Sequence[Address], scheme: str, networks: Sequence[Network]) -> None:
    """Raise NotAllowed unless each address is in one of the networks or, with https, is public."""
    for address in addresses:
        own = any(address in network for network in networks) and getattr(address, "scope_id", None) is None
        if not own and not (scheme == "https" and is_public(address)):
            raise NotAllowed(ONLY_HTTPS if is_public(address) else NOT_PUBLIC)
