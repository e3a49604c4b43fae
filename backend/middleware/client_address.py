"""The client's address behind proxies: only trusted ones are believed."""

from collections.abc import Sequence
from wsgiref.types import WSGIEnvironment

import structlog

from backend.utils.addresses import Network, parse_address, parse_hop

MAX_WARNINGS = 16  # one for each proxy
SHOWN_CHARACTERS = 100

log = structlog.get_logger()


class ClientAddresses:
    """Finds the address of each request's client; `trusted` are the networks of the proxies."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted
        self._warned_of: set[str] = set()

    def resolve(self, environ: WSGIEnvironment) -> None:
        """Set REMOTE_ADDR of a request to the address of its client, where there may be a proxy between."""
        if self._trusted:
            environ["REMOTE_ADDR"] = self._find(environ)

    def _find(self, environ: WSGIEnvironment) -> str:
        """Return the address of the client, as text.

        Each proxy appends the address that called it, so `X-Forwarded-For` is read from its end, as far as trusted
        proxies wrote it: everything before came from the client. A port is left out. Where a trusted proxy wrote
        anything but an address, the peer's own is returned, and that is logged once for each proxy.
        """
        peer = environ.get("REMOTE_ADDR", "")
        address, header = parse_address(peer), environ.get("HTTP_X_FORWARDED_FOR", "")
        hops = header.split(",") if header.strip() else []
        while address is not None and hops and any(address in network for network in self._trusted):
            address = parse_hop(hops.pop())
            if address is None:
                self._warn(peer, header)
        return peer if address is None else str(address)

    def _warn(self, peer: str, header: str) -> None:
        if peer not in self._warned_of and len(self._warned_of) < MAX_WARNINGS:
            self._warned_of.add(peer)
            log.warning(
                "X-Forwarded-For of a trusted proxy has no address at its end; its requests count for the proxy",
                proxy=peer,
                value=header[-SHOWN_CHARACTERS:],
            )
