"""The client's address behind proxies. Only `X-Forwarded-For` from trusted proxies counts."""

from collections.abc import Sequence
from wsgiref.types import WSGIEnvironment

import structlog

from backend.utils.addresses import Network, parse_address, parse_hop

MAX_WARNINGS = 16  # one for each proxy
SHOWN_CHARACTERS = 100  # of the header, in the log

log = structlog.get_logger()


class ClientAddresses:
    """Finds the client address of each request; `trusted` are the networks of the trusted proxies."""

    def __init__(self, trusted: Sequence[Network]) -> None:
        self._trusted = trusted
        self._warned_about: set[str] = set()

    def set_client_address(self, environ: WSGIEnvironment) -> None:
        """Set REMOTE_ADDR of a request to the address of its client, if there are trusted proxies."""
        if self._trusted:
            environ["REMOTE_ADDR"] = self._find(environ)

    def _find(self, environ: WSGIEnvironment) -> str:
        """Return the address of the client, without a port.

        Each proxy appends the address that called it. So `X-Forwarded-For` is read from its end, as long as a trusted
        proxy wrote the entry: the client may have written anything before. If a trusted proxy wrote something that is
        no address, the address of the peer is returned, and a warning is logged once per proxy.
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
        if peer not in self._warned_about and len(self._warned_about) < MAX_WARNINGS:
            self._warned_about.add(peer)
            log.warning(
                "X-Forwarded-For of a trusted proxy does not end with an address; the proxy counts as the client",
                proxy=peer,
                value=header[-SHOWN_CHARACTERS:],
            )
