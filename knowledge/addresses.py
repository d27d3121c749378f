"""Which addresses a page may be fetched from.

Allowed are the parts of the address space that are handed out to the public internet, and of those not the ones that
lead elsewhere (tunnels, translation). `ipaddress.is_global` is no such rule: on Python 3.11 it
lets through 192.0.0.192, ::127.0.0.1, NAT64, 6to4 and fec0::1.
"""

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import idna

from knowledge.errors import SourceRefused

_PUBLIC_PORTS = frozenset({80, 443})
_REFUSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16"),
            *("192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3"),
            # Metadata services that stand in public space.
            *("100.100.100.200/32", "168.63.129.16/32"),
        ),
    )
)
_ALLOWED_V6 = ipaddress.IPv6Network("2000::/3")
_REFUSED_V6 = tuple(
    map(
        ipaddress.IPv6Network,
        ("2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3ffe::/16", "3fff::/20"),
    )
)
_ODD = re.compile(r"[\x00-\x20\x7f\\]")
_NUMERIC_LABEL = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A checked URL, in parts; `host` is ASCII and lower case."""

    scheme: str
    host: str
    port: int
    target: str
    is_named_by_admin: bool

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        is_default = self.port == (443 if self.scheme == "https" else 80)
        return host if is_default else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


def parse_place(url: str, allow_hosts: tuple[str, ...] = ()) -> Place:
    """Check a URL's form. Raises SourceRefused for anything that parsers might read in two ways."""
    if _ODD.search(url):
        raise SourceRefused("The address holds a blank, a backslash or a control character")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SourceRefused("The address is not well formed") from None
    if parts.scheme not in {"http", "https"} or not url[len(parts.scheme) :].startswith("://"):
        raise SourceRefused("Only addresses that begin with http:// or https:// are fetched")
    if "@" in parts.netloc or "@" in parts.fragment:
        raise SourceRefused("An address with a user name in it is not fetched")
    host = _plain_host(parts.hostname or "")
    port = port if port is not None else (443 if parts.scheme == "https" else 80)
    is_named = f"{host}:{port}" in allow_hosts or (host in allow_hosts and port in _PUBLIC_PORTS)
    if not is_named and port not in _PUBLIC_PORTS:
        raise SourceRefused(
            f"Port {port} is not fetched from; pages come from ports 80 and 443, unless an administrator allows the host "
            "with its port"
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Place(scheme=parts.scheme, host=host, port=port, target=target, is_named_by_admin=is_named)


def check_address(address: str) -> None:
    """Raises SourceRefused for an address that is not plainly on the public internet."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        raise SourceRefused("The address could not be understood") from None
    if isinstance(ip, ipaddress.IPv4Address):
        is_allowed = not any(ip in network for network in _REFUSED_V4)
    else:
        is_allowed = ip.scope_id is None and ip in _ALLOWED_V6 and not any(ip in network for network in _REFUSED_V6)
    if not is_allowed:
        raise SourceRefused("That page is on a private network; ask an administrator to allow its host")


def _plain_host(host: str) -> str:
    """The host in the one form that everything after this uses."""
    if not host:
        raise SourceRefused("The address names no host")
    if ":" in host:
        return host.lower()
    try:
        plain = (
            idna.encode(host.rstrip("."), uts46=True).decode().lower()
            if not host.isascii()
            else host.rstrip(".").lower()
        )
    except idna.IDNAError:
        raise SourceRefused("The host's name is not well formed") from None
    # 2130706433, 0x7f000001 and 127.1 are numbers to a resolver; only four plain numbers are taken for an address.
    if _NUMERIC_LABEL.fullmatch(plain.rsplit(".", 1)[-1]):
        try:
            return str(ipaddress.IPv4Address(plain))
        except ValueError:
            raise SourceRefused("The address is written in an unusual way") from None
    if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9_])?", plain):
        raise SourceRefused("The host's name is not well formed")
    return plain
