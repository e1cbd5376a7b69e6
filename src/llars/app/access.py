"""Checks on every request: the token, the length of its body, and what pages may load."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

from llars.infer.tiling.memory import in_words

__all__ = ["AccessControl"]

COOKIE = "llars_token"

POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; object-src 'none'; "
    "frame-ancestors 'none'; base-uri 'self'; form-action 'self'"
)
"""Browsers load from this server only, whatever a library would like to load."""

HEADERS = [
    (b"content-security-policy", POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
]

EXTRA_BYTES = 100_000
"""Bytes that a request may have beyond the file in it."""

VIOLATION = 1008
"""Why a WebSocket is closed that may not be opened (RFC 6455, 7.4.1): it breaks the server's policy."""

LOCAL_NAMES = ("127.0.0.1", "localhost", "[::1]", "testserver")

TOKEN_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>llars playground</title>
<body style="font:16px/1.6 system-ui,sans-serif;max-width:26em;margin:18vh auto;padding:0 1em;color:#1d2a2f">
<h1 style="color:#0b7a75;margin:0">llars</h1><p>{reason}</p>
<form method="get" action="/"><input name="token" type="password" autofocus aria-label="token"
style="font:inherit;padding:.4em .7em;width:70%"> <button style="font:inherit;padding:.4em 1em">Enter</button></form>"""


class AccessControl:
    """ASGI middleware around the application."""

    def __init__(self, app: Any, token: str | None, upload: int, local: bool) -> None:
        """``local`` refuses host names other than the machine's own, by which pages of the web could reach in."""
        self._app, self._token, self._upload, self._local = app, token, upload, local
        # A cookie can hold the hash of any token, and it does not reveal the token.
        self._token_hash = sha256((token or "").encode()).hexdigest()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer, or pass on.

        Raises:
            ValueError: it is of no kind that has checks here.
        """
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] not in ("http", "websocket"):
            raise ValueError(f"found an ASGI scope of type {scope['type']!r}, expected http, websocket or lifespan")
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if scope["type"] == "websocket":
            if self._refused_host(headers) or not self._has_token(headers):
                await send({"type": "websocket.close", "code": VIOLATION})
            else:
                await self._app(scope, receive, send)
            return
        answer = (
            self._refused_host(headers) or self._ask_for_token(scope, headers) or self._length_refused(scope, headers)
        )
        if answer is not None:
            await _answer(send, *answer)
            return

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], *HEADERS]}
            await send(message)

        await self._app(scope, receive, guarded)

    def _refused_host(self, headers: dict[str, str]) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if not self._local or self._token is not None or name in LOCAL_NAMES or headers.get("host") in LOCAL_NAMES:
            return None
        return 421, "this playground answers at 127.0.0.1 and localhost only", []

    def _has_token(self, headers: dict[str, str]) -> bool:
        """Whether the visitor showed the token before, or none is asked for."""
        if self._token is None:
            return True
        # Not by http.cookies, which fails at others' illegal names: servers at other ports share a machine's cookies.
        cookies = (cookie.strip().partition("=") for cookie in headers.get("cookie", "").split(";"))
        return any(
            name == COOKIE and secrets.compare_digest(value.encode(), self._token_hash.encode())
            for name, _, value in cookies
        )

    def _ask_for_token(self, scope: Any, headers: dict[str, str]) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        if self._has_token(headers):
            return None
        query = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        token = dict(query).get("token")
        if token is None or not self._is_token(token):
            reason = (
                "That is not the token." if token else "This playground asks for its token; whoever started it has it."
            )
            return 401, TOKEN_PAGE.format(reason=reason), []
        rest = urlencode([pair for pair in query if pair[0] != "token"])
        # Two leading slashes would redirect to another server.
        path = "/" + scope["path"].lstrip("/") + (f"?{rest}" if rest else "")
        cookie = f"{COOKIE}={self._token_hash}; Path=/; HttpOnly; SameSite=Lax"
        return 303, "", [(b"location", path.encode()), (b"set-cookie", cookie.encode())]

    def _is_token(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), str(self._token).encode())

    def _length_refused(self, scope: Any, headers: dict[str, str]) -> tuple[int, str, list[tuple[bytes, bytes]]] | None:
        if scope["method"] not in ("POST", "PUT"):
            return None
        length = headers.get("content-length", "")
        if not length.isdigit():
            return 411, "say how long the request is (Content-Length)", []
        if int(length) > self._upload + EXTRA_BYTES:
            limit = f"the playground takes files of up to {in_words(self._upload)}"
            return 413, f"{limit}; cut out a part, or use `llars restore`, which has no limit", []
        return None


async def _answer(send: Any, status: int, text: str, extra_headers: list[tuple[bytes, bytes]]) -> None:
    kind = b"text/html; charset=utf-8" if text.startswith("<!doctype") else b"text/plain; charset=utf-8"
    headers = [(b"content-type", kind), (b"connection", b"close"), *HEADERS, *extra_headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": text.encode()})
