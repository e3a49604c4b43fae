"""The client's address behind proxies: only what a trusted one says is believed."""

from backend.utils.addresses import parse_address


def client_address(environ, trusted):
    """Return the address of the client, as text; `trusted` are the networks of the proxies.

    Each proxy appends whom it was called by, so `X-Forwarded-For` is read from its end, as far as trusted proxies wrote
    it: what stands before came from the client. Where it holds anything but an address, the peer's own is returned.
    """
    peer = environ.get("REMOTE_ADDR", "")
    address = parse_address(peer)
    hops = environ.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while address is not None and hops and any(address in network for network in trusted):
        address = parse_address(hops.pop())
    return peer if address is None else str(address)
