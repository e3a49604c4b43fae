"""IP addresses and networks."""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network

# RFC 7239, section 6: an IPv6 address with a port is in brackets; a port may also be a name chosen by the proxy.
_PORT = r"(?::(?:[0-9]{1,5}|_[A-Za-z0-9._-]+))?"
_HOP = re.compile(rf'"?(?:\[([^\[\]]*)\]{_PORT}|([0-9.]+){_PORT}|([^"\[\]]*))"?')

# Not for the public, or addresses of another network in disguise: `is_global` of Python passes some of them.
_UNICAST_IPV6 = ip_network("2000::/3")
_SPECIAL = tuple(
    ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24"),  # protocol assignments (RFC 6890); relays of 6to4 (RFC 7526)
        *("2001::/23", "2002::/16", "3fff::/20"),  # such as Teredo (RFC 4380); 6to4 (RFC 3056); examples (RFC 9637)
    )
)


def is_public(address: Address) -> bool:
    """Return whether an address belongs to one machine of the public internet, under its own and only form.

    That of an IPv4 address in an IPv6 one does not, such as NAT64's `64:ff9b::7f00:1`: it leads to a second network.
    """
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_link_local
    if special or not address.is_global or any(address in network for network in _SPECIAL):
        return False
    return address.version == 4 or (address in _UNICAST_IPV6 and address.scope_id is None)


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
