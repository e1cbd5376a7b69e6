"""The command for the playground: `llars serve`."""

from typing import Annotated

import typer

from llars._console import say
from llars._options import DEFAULT_MODEL, Device, Model

__all__ = ["serving"]

serving = typer.Typer(rich_markup_mode=None)


@serving.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes one that is free.")] = 7860,
    token: Annotated[
        str | None,
        typer.Option("--token", help="Password for visitors; made up unless only this machine can connect."),
    ] = None,
    model: Model = DEFAULT_MODEL,
    device: Device = "auto",
) -> None:
    """Open the playground in the browser; needs `pip install 'llars[app]'`."""
    from llars.app.server import serve as serve_playground
    from llars.infer.tiling.allocator import keep_freed

    keep_freed()
    serve_playground(host, port, token, model=model, device=device, say=lambda note: say([note]))
