"""IP addresses and networks."""

from ipaddress import ip_address, ip_network


def parse_address(text):
    """Return `text` as an IP address, or None; an IPv4 address in IPv6 form is the IPv4 address."""
    try:
        address = ip_address(text.strip())
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def parse_networks(text):
    """Return the networks in a comma list of addresses and networks; raise ValueError for what is neither."""
    return tuple(ip_network(part.strip()) for part in text.split(",")) if text else ()


def subscriber(text):
    """Return the address of whoever has this one: the same for IPv4, the /64 that a line is given for IPv6."""
    address = parse_address(text)
    if address is None or address.version == 4:
        return text if address is None else str(address)
    return str(ip_network((int(address) >> 64 << 64, 64)))
