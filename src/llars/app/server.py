"""The playground's server: access, what is served, and the clean-up when it ends."""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from llars.app.access import AccessControl
from llars.app.uploads import Limits
from llars.errors import ConfigError

__all__ = ["build", "listening", "serve", "uvicorn_of"]

LOCAL = ("127.0.0.1", "localhost", "::1")


def serve(
    host: str = "127.0.0.1",
    port: int = 7860,
    token: str | None = None,
    *,
    model: str = "llars-small",
    device: str = "auto",
    say: Callable[[str], object] = print,
) -> None:
    """Serve the playground until it is stopped.

    Args:
        host: address to listen at; any but the machine's own asks visitors for a token.
        port: 0 takes one that is free.
        token: secret that visitors must give; generated if none is given and the address is not local.
        model: name of bundled weights, or a weights file.
        device: see ``llars.load``.
        say: called with the address.

    Raises:
        ConfigError: the port is taken, the address is not this machine's, or gradio is not installed.
    """
    with listening(host, port) as listener:
        if token is None and host not in LOCAL:
            token = secrets.token_urlsafe(16)
        from llars.app.service import PlaygroundService
        from llars.infer.raster.outputs import stoppable
        from llars.infer.restorer import load

        service = PlaygroundService(load(model, device), Limits(), Path(model).name)
        # Uvicorn raises again the signal that stopped it: caught here, so that nothing is left behind.
        with suppress(KeyboardInterrupt), stoppable(), closing(service):
            server = uvicorn_of(build(service, token, local=host in LOCAL))
            name = f"[{host}]" if ":" in host else host
            address = f"http://{name}:{listener.getsockname()[1]}/"
            say(f"the playground is at {address}{f'?token={token}' if token else ''} (Ctrl-C ends it)")
            server.run(sockets=[listener])


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens at ``host`` and ``port``.

    Raises:
        ConfigError: it cannot listen there.
    """
    try:
        kind, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(kind, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(128)
    except OSError as fault:
        raise ConfigError(
            f"cannot listen at {host}:{port}: {fault.strerror}; choose another --port or --host"
        ) from None
    return listener


def build(service: Any, token: str | None, local: bool = True) -> Any:
    """The web application (ASGI) of a service, whose folder also holds Gradio's files."""
    # Gradio reads these as it is loaded and as components are made: no telemetry, no cache elsewhere.
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_TEMP_DIR"] = str(service.uploads)
    try:
        import gradio as gr
        from fastapi import FastAPI
    except ModuleNotFoundError:
        raise ConfigError("the playground needs gradio: pip install 'llars[app]'") from None
    from llars.app.files import router
    from llars.app.handlers import FILES
    from llars.app.layout import appearance, playground

    api = FastAPI(openapi_url=None)
    api.include_router(router(service), prefix=FILES)
    mounted = gr.mount_gradio_app(
        api,
        playground(service),
        path="/",
        footer_links=[],
        run_history=False,
        max_file_size=service.limits.upload,
        ssr_mode=False,
        show_error=True,
        mcp_server=False,
        pwa=False,
        **appearance(),
    )
    return AccessControl(mounted, token, service.limits.upload, local)


def uvicorn_of(app: Any) -> Any:
    """The server that runs the application; ``should_exit`` ends it."""
    import uvicorn

    # A stream of events stays open as long as its page: it is not waited for.
    return uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2, server_header=False))
