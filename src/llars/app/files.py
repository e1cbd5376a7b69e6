"""Pictures and results by the secret addresses that the page is given."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse, Response

from llars.app.service import PlaygroundService
from llars.app.session import Image, Session, picture
from llars.errors import LlarsError

__all__ = ["router"]

PRIVATE = {"Cache-Control": "private, max-age=600"}


def router(service: PlaygroundService) -> APIRouter:
    """Routes ``/SESSION/IMAGE/picture``, ``/file`` and ``/report``."""
    routes = APIRouter()

    def find_image(session: str, image: str) -> tuple[Session, Image]:
        match = service.image(session, image)
        if match is None:
            raise HTTPException(404, "this result is gone; restore the scene again")
        return match

    # Plain functions: they run in threads, beside the page.
    def show(session: str, image: str, bands: str = "", stretch: str = "") -> Response:
        try:
            content = picture(*find_image(session, image), bands, stretch)
        except LlarsError:
            raise HTTPException(404, "this scene is gone; open it again") from None
        kind = "image/png" if content.startswith(b"\x89PNG") else "image/jpeg"
        return Response(content, media_type=kind, headers=PRIVATE)

    def file(session: str, image: str) -> FileResponse:
        path = find_image(session, image)[1].path
        return FileResponse(path, media_type="image/tiff", filename=path.name)

    def report(session: str, image: str) -> FileResponse:
        page = find_image(session, image)[1].report
        if page is None:
            raise HTTPException(404, "no report was made of this result")
        return FileResponse(page, media_type="text/html")

    for name, handler in (("picture", show), ("file", file), ("report", report)):
        routes.add_api_route("/{session}/{image}/" + name, handler, methods=["GET"])
    return routes
