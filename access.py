"""Who may ask: the key, other sites' pages, the names that the server answers to."""

from __future__ import annotations

import hmac
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from werkzeug.exceptions import SecurityError
from werkzeug.sansio.utils import get_host

from options import Options
from refusals import FORBIDDEN, Refusal

UNTRUSTED_HOST = 400, "UntrustedHost"
UNAUTHORIZED = 401, "Unauthorized"

LOOKUP_SECONDS = 2
LOOPBACK_NAMES = ("localhost", "127.0.0.1")
REQUEST_HEADERS = "Authorization, Content-Type, If-None-Match, If-Range, Range"
RESPONSE_HEADERS = (
    "Accept-Ranges, Content-Range, ETag, Retry-After, Server-Timing, X-Split, "
    "X-Split-Reason, X-Parity, X-Model, X-Revision, X-Tokens, x-compute-type, "
    "x-compute-time, x-compute-characters, x-compute-tokens, x-total-time, "
    "x-tokenization-time, x-queue-time, x-inference-time"
)

SECURITY_HEADERS = {
    # A page of another site may read what CORS lets it, and embed nothing.
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE_HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data: blob:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
}


def trusted_hosts(options: Options) -> list[str]:
    """The Host headers to answer.

    A page of a foreign site may point its own name at this machine (DNS rebinding) and
    then counts as ours in the browser. Its Host header still says that name. IPv6
    addresses are missing: Werkzeug compares up to the first colon.
    """
    hosts = [*LOOPBACK_NAMES, *options.trusted_host, options.host]
    if not is_loopback(options.host):
        hosts += [socket.gethostname(), *_own_address(), *_soon(_looked_up)]
    return list(dict.fromkeys(host.lower() for host in hosts))


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _soon(look_up: Callable[[], list[str]]) -> list[str]:
    """Without what a slow name server would say: a start must not wait for it."""
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.extend(look_up()), daemon=True)
    thread.start()
    thread.join(LOOKUP_SECONDS)
    return list(found)


def _looked_up() -> list[str]:
    """This machine's full name, and what its name resolves to."""
    with suppress(OSError):  # a machine whose own name does not resolve
        addresses = socket.gethostbyname_ex(socket.gethostname())[2]
        return [socket.getfqdn(), *addresses]
    return []


def _own_address() -> list[str]:
    """Where packets to other networks leave."""
    found = []
    with suppress(OSError), socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # chooses the interface; nothing is sent
        found.append(probe.getsockname()[0])
    return found


@dataclass(frozen=True)
class Access:
    """Checks of a request's headers. Raises Refusal."""

    api_key: str | None
    allowed_origins: frozenset[str]
    trusted_hosts: tuple[str, ...]

    @staticmethod
    def of(options: Options) -> Access:
        origins = (origin.rstrip("/").lower() for origin in options.allow_origin)
        hosts = tuple(trusted_hosts(options))
        return Access(options.api_key, frozenset(origins), hosts)

    def check_key(self, authorization: str) -> None:
        scheme, _, token = authorization.partition(" ")
        known = self.api_key is None or (
            scheme.lower() == "bearer"
            and hmac.compare_digest(token.strip().encode(), self.api_key.encode())
        )
        if not known:
            raise Refusal(
                UNAUTHORIZED,
                "Authorization: expected Bearer and the API key",
                {"WWW-Authenticate": "Bearer"},
            )

    def check_site(self, host: str, origin: str | None) -> None:
        """host: the header, or "" without one. origin: the site whose page asks, if a
        page does."""
        try:
            asked = get_host("http", host, None, self.trusted_hosts)
        except SecurityError:
            raise Refusal(
                UNTRUSTED_HOST,
                f"Host {host!r} is not trusted: start the server with --trusted-host "
                "if it should be",
            ) from None
        if origin is None or self._allows(origin) or _is_same_site(origin, asked):
            return
        raise Refusal(
            FORBIDDEN,
            f"Origin {origin!r} is not allowed: start the server with "
            f"--allow-origin {origin} if it should be",
        )

    def cross_origin_headers(self, origin: str | None) -> dict[str, str]:
        """What lets an allowed site's page read the answer."""
        if not self.allowed_origins:
            return {}
        headers = {"Vary": "Origin"}
        if origin is not None and self._allows(origin):
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = RESPONSE_HEADERS
        return headers

    def preflight_headers(self, private_network: bool) -> dict[str, str]:
        """private_network: a public site's page asks about a machine like this one."""
        headers = {
            "Access-Control-Allow-Methods": "GET, HEAD, POST",
            "Access-Control-Allow-Headers": REQUEST_HEADERS,
            "Access-Control-Max-Age": "600",
        }
        if private_network:
            headers["Access-Control-Allow-Private-Network"] = "true"
        return headers

    def _allows(self, origin: str) -> bool:
        return bool(self.allowed_origins & {origin.lower(), "*"})


def _is_same_site(origin: str, host: str) -> bool:
    """The scheme is left out: behind a proxy that ends TLS, it is not ours to see."""
    return origin.lower().partition("://")[2] == host.lower()
