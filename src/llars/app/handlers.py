"""Event handlers: the playground service in terms of the page's components."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from llars.app.bundled import BUNDLED
from llars.app.guides import SUGGESTIONS
from llars.app.service import PlaygroundService
from llars.app.session import Image, Session
from llars.errors import LlarsError
from llars.infer.reading.grids import display_size
from llars.infer.report.display import composites

__all__ = ["ANY_SENSOR", "FILES", "MAX_FINDINGS", "Handlers"]

FILES = "/llars"
"""Where pictures and results are served."""

ANY_SENSOR = "as the file says"

MAX_FINDINGS = 4

LETTERS = "ABCDEFGHIJKLMNOP"


class Handlers:
    """Handlers that events of the page call; their results go into components."""

    def __init__(self, service: PlaygroundService) -> None:
        self._service = service

    def open_bundled(self, name: str, _sensor: str, stretch: str, request: gr.Request) -> tuple[Any, ...]:
        """Open a bundled scene."""
        with _user_errors():
            return _opened(self._service.open_bundled(_visitor(request), name), stretch, BUNDLED[name].prompt)

    def open_upload(self, upload: str | None, sensor: str, stretch: str, request: gr.Request) -> tuple[Any, ...]:
        """Open an uploaded scene."""
        with _user_errors():
            if upload is None:
                raise gr.Error("Nothing arrived; try again.", print_exception=False)
            known = None if sensor == ANY_SENSOR else sensor
            return _opened(self._service.open_upload(_visitor(request), Path(upload), known), stretch, "")

    def add_guide(self, upload: str | None, request: gr.Request) -> tuple[str, str]:
        """Add a guide, and suggest the instruction that uses it."""
        with _user_errors():
            if upload is None:
                raise gr.Error("Nothing arrived; try again.", print_exception=False)
            session, role = self._service.add_guide(_visitor(request), Path(upload))
            return _facts(session), SUGGESTIONS[role]

    def diagnose(self, request: gr.Request) -> tuple[Any, ...]:
        """Say what is wrong with the scene."""
        with _user_errors():
            findings = self._service.diagnose(_visitor(request))[:MAX_FINDINGS]
        label = "In this scene, llars sees" if findings else "llars sees nothing wrong with this scene"
        buttons = [gr.Button(finding.prompt, visible=True) for finding in findings]
        buttons += [gr.Button("", visible=False)] * (MAX_FINDINGS - len(findings))
        return gr.HTML(f'<span class="label">{label}</span>', visible=True), gr.Row(visible=bool(findings)), *buttons

    def restore(
        self,
        prompt: str,
        bands: str,
        stretch: str,
        report: bool,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008 - gradio finds it by its default
    ) -> tuple[dict[str, Any], str]:
        """Follow every line of the instruction, each from the scene as it is."""
        lines = [line.strip() for line in prompt.splitlines() if line.strip()] or [""]
        visitor = _visitor(request)
        with _user_errors():
            for number, line in enumerate(lines):
                self._service.restore(visitor, line, _progress_over_lines(progress, number, len(lines), line), report)
        return _viewer_data(self._service.session(visitor), bands, stretch), ""

    def clear(self, bands: str, stretch: str, request: gr.Request) -> dict[str, Any]:
        """Delete the results."""
        return _viewer_data(self._service.clear(_visitor(request)), bands, stretch)

    def show(self, bands: str, stretch: str, request: gr.Request) -> dict[str, Any]:
        """Show the same images in another composite or stretch."""
        return _viewer_data(self._service.session(_visitor(request)), bands, stretch)

    def leave(self, request: gr.Request) -> None:
        """The visitor has left."""
        self._service.leave(_visitor(request))


def _visitor(request: gr.Request) -> str:
    return request.session_hash or secrets.token_hex(8)


@contextmanager
def _user_errors() -> Iterator[None]:
    """Turn errors into messages on the page."""
    try:
        yield
    except LlarsError as mistake:
        text = str(mistake)
        message = escape(text[:1].upper() + text[1:])
        raise gr.Error(message, duration=15, title="That did not work", print_exception=False) from None


def _progress_over_lines(progress: Any, number: int, count: int, line: str) -> Callable[[int, int], None]:
    """Progress over several instructions."""
    progress(number / count, desc=line)
    return lambda done, total: progress((number + done / total) / count, desc=line)


def _opened(session: Session, stretch: str, prompt: str) -> tuple[Any, ...]:
    choices = [*composites(session.bands)]
    bands = gr.Dropdown(choices=choices, value=choices[0])
    return _viewer_data(session, choices[0], stretch), bands, _facts(session), prompt


def _facts(session: Session) -> str:
    notes = "".join(f"<em>{escape(note)}</em>" for note in session.opened.notes)
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in session.facts)
    return f'<div class="facts">{facts}{notes}</div>'


def _viewer_data(session: Session, bands: str, stretch: str) -> dict[str, Any]:
    """Data for the viewer."""
    images = session.images
    rows, columns = display_size(images[0].file.grid, 1000) if images else (1, 1)
    # Stretches are shared: every new result changes all pictures, and so their addresses.
    query = f"bands={quote(bands)}&stretch={quote(stretch)}&of={len(images)}-{images[-1].key if images else ''}"
    return {
        "images": [_viewer_card(session, image, letter, query) for image, letter in zip(images, LETTERS, strict=False)],
        "aspect": columns / rows,
        "version": f"{images[0].key}/{images[-1].key}" if images else "",
    }


def _viewer_card(session: Session, image: Image, letter: str, query: str) -> dict[str, Any]:
    address = f"{FILES}/{session.key}/{image.key}"
    grid = image.file.grid
    return {
        "key": image.key,
        "letter": letter,
        "name": image.prompt or "Scene",
        "told": image.interpretation,
        "notes": list(image.notes) if image.prompt else [],
        "size": f"{grid.width} × {grid.height} px",
        "seconds": f"{image.seconds:.1f} s" if image.prompt else "",
        "url": f"{address}/picture?{query}",
        "file": f"{address}/file" if image.prompt else "",
        "filename": image.path.name,
        "report": f"{address}/report" if image.report else "",
    }
