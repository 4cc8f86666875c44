"""Who may talk to the server: the page itself, and scripts that know the token."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

COOKIE = "removal_token_"  # and the port: browsers share cookies between the ports of one host
TOKEN_HEADER = "x-removal-token"
BODY_TYPES = ("application/json", "application/octet-stream")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """Refuses every request that is not the page's own, before anything reads it.

    Host and Origin must be among `hosts` (rebound names, forms of other sites). Whatever is under /api needs
    the token of this start, in a cookie that the page got or in a header; what changes something needs it in
    the header, and a content type that no form can send.

    hosts: "name:port", lower case. token: of this start. open_page: whether the page itself is given to
    whoever asks on this machine; False = its address must carry the token.
    """

    def __init__(self, app: App, *, hosts: frozenset[str], token: str, open_page: bool):
        self.app, self.hosts, self.token, self.open_page = app, hosts, token, open_page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        refused = self.refusal(scope)
        if refused is not None:
            await _answer(send, *refused)
            return
        set_cookie = scope["path"] == "/"

        async def send_with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                added = [
                    (name.encode(), value.encode())
                    for name, value in HEADERS.items()
                    if name.encode() not in given
                ]
                if set_cookie:
                    cookie = f"{self.cookie_name(scope)}={self.token}; Path=/; HttpOnly; SameSite=Strict"
                    added.append((b"set-cookie", cookie.encode()))
                message["headers"] = [*message["headers"], *added]
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def refusal(self, scope: Scope) -> tuple[int, str] | None:
        """Status and reason where a request is refused; None where it may pass."""
        headers: dict[bytes, list[bytes]] = {}
        for name, value in scope["headers"]:
            headers.setdefault(name, []).append(value)
        hosts = [value.decode("latin-1").lower() for value in headers.get(b"host", [])]
        if len(hosts) != 1 or hosts[0] not in self.hosts:
            return 421, "expected this server's own name in Host"
        for origin in headers.get(b"origin", []):
            scheme, _, host = origin.decode("latin-1").lower().partition("://")
            if scheme not in ("http", "https") or host not in self.hosts:
                return 403, "expected a request of this page, got one of another site"
        method, path = scope["method"], scope["path"]
        if path == "/" and not self.open_page and not self._token_in_query(scope):
            return 403, "expected the token in the address: open the address that the server printed"
        if not path.startswith("/api/"):
            return None if method in ("GET", "HEAD") else (405, "expected GET")
        sent = [value.decode("latin-1") for value in headers.get(TOKEN_HEADER.encode(), [])]
        in_header = any(self._is_token(value) for value in sent)
        if method in ("GET", "HEAD"):
            return (
                None
                if in_header or self._token_in_cookie(headers, self.cookie_name(scope))
                else (403, "expected the token")
            )
        if not in_header:
            return 403, f"expected the token in {TOKEN_HEADER}"
        kinds = [
            value.decode("latin-1").partition(";")[0].strip().lower()
            for value in headers.get(b"content-type", [])
        ]
        if len(kinds) != 1 or kinds[0] not in BODY_TYPES:
            return 415, f"expected a content type of {' or '.join(BODY_TYPES)}"
        return None

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode(), self.token.encode())

    @staticmethod
    def cookie_name(scope: Scope) -> str:
        """The cookie's name for the port that the request names."""
        (host,) = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        result: str = COOKIE + host.rpartition(":")[2]
        return result

    def _token_in_cookie(self, headers: dict[bytes, list[bytes]], cookie: str) -> bool:
        for line in headers.get(b"cookie", []):
            try:
                morsel = SimpleCookie(line.decode("latin-1")).get(cookie)
            except CookieError:
                continue
            if morsel is not None and self._is_token(morsel.value):
                return True
        return False

    def _token_in_query(self, scope: Scope) -> bool:
        from urllib.parse import parse_qs

        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        return any(self._is_token(value) for value in given)


async def _answer(send: Send, status: int, reason: str) -> None:
    body = f'{{"error": "{reason}"}}'.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers += [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
