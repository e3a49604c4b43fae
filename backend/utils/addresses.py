"""IP addresses and networks."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# RFC 7239, section 6: an IPv6 address with a port is in brackets; a port may also be a name chosen by the proxy.
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_HOP = re.compile(rf'"?(?:\[([^\[\]]*)\]{_PORT}|([0-9.]+){_PORT}|([^"\[\]]*))"?')


def parse_address(text: str) -> Address | None:
    """Return `text` as an IP address, or None. An IPv4-mapped IPv6 address is returned as the IPv4 address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Return whether a host name or an IP address always leads to the same machine."""
    address = parse_address(host)
    return address.is_loopback if address else host == "localhost" or host.endswith(".localhost")


def parse_hop(text: str) -> Address | None:
    """Return the IP address of a hop in a forwarding header, or None; it may have quotes, a port or a zone."""
    hop = _HOP.fullmatch(text.strip())
    return parse_address(next(filter(None, hop.groups()), "").partition("%")[0]) if hop else None


def parse_networks(text: str | None) -> tuple[Network, ...]:
    """Return the networks in a list of addresses and networks, separated by commas. Raises ValueError for others."""
    return tuple(ip_network(part.strip()) for part in text.split(",")) if text else ()


def subscriber(text: str) -> str:
    """Return the text that identifies the subscriber of an address: an IPv4 address itself, the /64 of an IPv6 one."""
    address = parse_address(text)
    if address is None or address.version == 4:
        return text if address is None else str(address)
    return str(ip_network((int(address) >> 64 << 64, 64)))
