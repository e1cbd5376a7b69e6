"""The page of the playground: components, and which of the studio's doors each of them opens."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

from llars.app.bundled import BUNDLED
from llars.app.intake import Limits, readable
from llars.app.session import STRETCHES, Image, Session
from llars.app.studio import Studio
from llars.errors import LlarsError
from llars.infer.display import composites, display_size
from llars.sensors import SENSORS
from llars.tasks import TASKS

__all__ = ["FILES", "look", "playground"]

FILES = "/llars"
"""Where pictures and results are served."""

ANY_SENSOR = "as the file says"

MOST_FINDINGS = 4

LETTERS = "ABCDEFGHIJKLMNOP"

SHOWN = ("denoise", "destripe", "haze", "deblur", "cloud", "sr", "brightness", "stretch", "equalize")
"""Tasks whose instruction is offered, where the weights can do them; those that need another image are not."""


def look() -> dict[str, Any]:
    """Theme and styles, without anything that lies elsewhere: no fonts from the web."""
    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "Liberation Sans", "sans-serif"]
    theme = gr.themes.Base(
        primary_hue="teal", neutral_hue="stone", font=fonts, font_mono=["ui-monospace", "monospace"]
    ).set(
        body_background_fill="#faf9f6",
        block_border_width="0px",
        block_shadow="none",
        block_background_fill="transparent",
        block_padding="0px",
        block_label_background_fill="transparent",
        border_color_primary="#e2e0d9",
        input_background_fill="#fff",
        input_border_width="1px",
        input_border_color="#dedbd2",
        button_secondary_background_fill="#efede6",
        button_secondary_background_fill_hover="#e6e3d9",
        button_primary_background_fill="#0b7a75",
        button_primary_background_fill_hover="#096661",
        button_primary_text_color="#fff",
        color_accent="#0b7a75",
    )
    return {"theme": theme, "css": _own("page.css")}


def playground(studio: Studio) -> gr.Blocks:
    """The page, wired to the studio."""
    page: gr.Blocks = gr.Blocks(title="llars playground", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        gr.HTML('<div class="head"><b>llars</b><span>Bad satellite images made good, by instruction.</span></div>')
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                left = _controls(studio)
            with gr.Column(scale=8, min_width=420):
                with gr.Row():
                    bands = gr.Dropdown(label="Bands", choices=[], interactive=True, elem_id="bands")
                    usual = next(iter(STRETCHES))
                    stretch = gr.Dropdown(label="Stretch", choices=[*STRETCHES], value=usual, elem_id="stretch")
                viewer = gr.HTML(
                    {"images": []},
                    html_template='<div class="viewer"></div>',
                    css_template=_own("viewer.css"),
                    js_on_load=_own("viewer.js"),
                    apply_default_css=False,
                    elem_id="viewer",
                )
        _wire(page, studio, left, bands, stretch, viewer)
    page.queue(default_concurrency_limit=4, max_size=100)
    return page


def _own(name: str) -> str:
    return resources.files("llars.app").joinpath(name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class _Controls:
    """The left column: what is to be done, and with what."""

    pick: gr.Dropdown
    upload: gr.UploadButton
    facts: gr.HTML
    sensor: gr.Dropdown
    prompt: gr.Textbox
    found: gr.HTML
    seen: gr.Row
    findings: list[gr.Button]
    suggestions: list[gr.Button]
    run: gr.Button
    status: gr.HTML
    report: gr.Checkbox
    clear: gr.Button


def _controls(studio: Studio) -> _Controls:
    pick = gr.Dropdown(label="Scene", choices=[*BUNDLED], value=next(iter(BUNDLED)), elem_id="pick")
    upload = gr.UploadButton("Upload a GeoTIFF", file_types=[".tif", ".tiff"], size="sm", elem_id="upload")
    facts = gr.HTML("", elem_id="facts")
    with gr.Accordion("Sensor and limits", open=False, elem_id="more"):
        sensor = gr.Dropdown(
            label="Sensor of an upload", choices=[ANY_SENSOR, *SENSORS], value=ANY_SENSOR, elem_id="sensor"
        )
        gr.HTML(f'<span class="limits">{_limits(studio.limits)}</span>')
    prompt = gr.Textbox(
        label="Instruction",
        placeholder="remove the stripes, then reduce the noise slightly",
        info="One per line to compare several.",
        lines=2,
        max_lines=6,
        max_length=1000,
        elem_id="prompt",
    )
    run = gr.Button("Restore", variant="primary", elem_id="run")
    status = gr.HTML("", elem_id="status")
    found, seen, findings, suggestions = _suggestions(studio)
    with gr.Row(elem_id="options"):
        report = gr.Checkbox(label="with a report", value=False, elem_id="report", container=False, min_width=120)
        clear = gr.Button("Clear results", size="sm", elem_id="clear", min_width=120)
    return _Controls(
        pick, upload, facts, sensor, prompt, found, seen, findings, suggestions, run, status, report, clear
    )


def _suggestions(studio: Studio) -> tuple[gr.HTML, gr.Row, list[gr.Button], list[gr.Button]]:
    found = gr.HTML("", elem_id="found", visible=False)
    with gr.Row(elem_classes=["chips", "seen"], visible=False) as seen:
        findings = [gr.Button("", visible=False, size="sm") for _ in range(MOST_FINDINGS)]
    gr.HTML('<span class="label">You could say</span>')
    with gr.Row(elem_classes=["chips"], elem_id="say"):
        able = [task for key in SHOWN for task in TASKS if task.key == key and key in studio.restorer.tasks]
        suggestions = [gr.Button(task.instruction, size="sm") for task in able]
    return found, seen, findings, suggestions


def _limits(limits: Limits) -> str:
    size = f"Up to {readable(limits.upload)}, {limits.pixels / 1e6:.0f} Mpx and {limits.bands} bands; "
    return f"{size}{limits.seconds:.0f} s of work. What you send is deleted after you leave."


def _wire(page: gr.Blocks, studio: Studio, left: _Controls, bands: Any, stretch: Any, viewer: Any) -> None:
    """Events; whoever opens a scene sees it first, and what is wrong with it as soon as that is known."""
    doors = _Doors(studio)
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    private: dict[str, Any] = {"api_visibility": "private", **quiet}
    opened = [viewer, bands, left.facts, left.prompt]
    for event, door, given, name in (
        (page.load, doors.open_bundled, left.pick, "first"),
        (left.pick.input, doors.open_bundled, left.pick, "open"),
        (left.upload.upload, doors.open_upload, left.upload, "upload"),
    ):
        shown = event(door, [given, left.sensor, stretch], opened, api_name=name, **quiet)
        advised = [left.found, left.seen, *left.findings]
        shown.success(doors.advise, None, advised, concurrency_id="look", concurrency_limit=1, **private)
    for event in (left.run.click, left.prompt.submit):
        event(
            doors.restore,
            [left.prompt, bands, stretch, left.report],
            [viewer, left.status],
            api_name="restore",
            concurrency_id="work",
            concurrency_limit=1,
            show_progress_on=[left.status],
            trigger_mode="once",
        )
    left.clear.click(doors.clear, [bands, stretch], [viewer], **private)
    for picker in (bands, stretch):
        picker.input(doors.show, [bands, stretch], [viewer], api_name="show", **quiet)
    for button in (*left.findings, *left.suggestions):
        button.click(lambda text: text, [button], [left.prompt], queue=False, **private)
    page.unload(doors.leave)


class _Doors:
    """The studio's doors in terms of components."""

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    def open_bundled(self, name: str, _sensor: str, stretch: str, request: gr.Request) -> tuple[Any, ...]:
        with _polite():
            return _opened(self._studio.open_bundled(_visitor(request), name), stretch, BUNDLED[name].prompt)

    def open_upload(self, upload: str | None, sensor: str, stretch: str, request: gr.Request) -> tuple[Any, ...]:
        with _polite():
            if upload is None:
                raise gr.Error("Nothing arrived; try again.", print_exception=False)
            known = None if sensor == ANY_SENSOR else sensor
            return _opened(self._studio.open_upload(_visitor(request), Path(upload), known), stretch, "")

    def advise(self, request: gr.Request) -> tuple[Any, ...]:
        with _polite():
            findings = self._studio.diagnose(_visitor(request))[:MOST_FINDINGS]
        told = "In this scene, llars sees" if findings else "llars sees nothing wrong with this scene"
        buttons = [gr.Button(one.prompt, visible=True) for one in findings]
        buttons += [gr.Button("", visible=False)] * (MOST_FINDINGS - len(findings))
        return gr.HTML(f'<span class="label">{told}</span>', visible=True), gr.Row(visible=bool(findings)), *buttons

    def restore(
        self,
        prompt: str,
        bands: str,
        stretch: str,
        report: bool,
        request: gr.Request,
        progress: Any = gr.Progress(),  # noqa: B008 - gradio finds it by its default
    ) -> tuple[dict[str, Any], str]:
        wanted = [line.strip() for line in prompt.splitlines() if line.strip()] or [""]
        visitor = _visitor(request)
        with _polite():
            for number, line in enumerate(wanted):
                self._studio.restore(visitor, line, _told(progress, number, len(wanted), line), report)
        return _shown(self._studio.session(visitor), bands, stretch), ""

    def clear(self, bands: str, stretch: str, request: gr.Request) -> dict[str, Any]:
        return _shown(self._studio.clear(_visitor(request)), bands, stretch)

    def show(self, bands: str, stretch: str, request: gr.Request) -> dict[str, Any]:
        return _shown(self._studio.session(_visitor(request)), bands, stretch)

    def leave(self, request: gr.Request) -> None:
        self._studio.leave(_visitor(request))


def _visitor(request: gr.Request) -> str:
    return request.session_hash or secrets.token_hex(8)


@contextmanager
def _polite() -> Iterator[None]:
    """Mistakes become messages on the page."""
    try:
        yield
    except LlarsError as mistake:
        text = str(mistake)
        told = escape(text[:1].upper() + text[1:])
        raise gr.Error(told, duration=15, title="That did not work", print_exception=False) from None


def _told(progress: Any, number: int, count: int, line: str) -> Callable[[int, int], None]:
    """Progress over several instructions."""
    progress(number / count, desc=line)
    return lambda done, total: progress((number + done / total) / count, desc=line)


def _opened(session: Session, stretch: str, prompt: str) -> tuple[Any, ...]:
    choices = [*composites(session.bands)]
    notes = "".join(f"<em>{escape(note)}</em>" for note in session.opened.notes)
    facts = "".join(f"<span>{escape(fact)}</span>" for fact in session.facts)
    told = f'<div class="facts">{facts}{notes}</div>'
    return _shown(session, choices[0], stretch), gr.Dropdown(choices=choices, value=choices[0]), told, prompt


def _shown(session: Session, bands: str, stretch: str) -> dict[str, Any]:
    """What the viewer needs to know."""
    images = session.images
    rows, columns = display_size(images[0].file.grid, 1000) if images else (1, 1)
    # Stretches are shared: with every new result all pictures are other pictures.
    asked = f"bands={quote(bands)}&stretch={quote(stretch)}&of={len(images)}-{images[-1].key if images else ''}"
    return {
        "images": [_card(session, image, letter, asked) for image, letter in zip(images, LETTERS, strict=False)],
        "aspect": columns / rows,
        "version": f"{images[0].key}/{images[-1].key}" if images else "",
    }


def _card(session: Session, image: Image, letter: str, asked: str) -> dict[str, Any]:
    place = f"{FILES}/{session.key}/{image.key}"
    grid = image.file.grid
    return {
        "key": image.key,
        "letter": letter,
        "name": image.prompt or "Scene",
        "told": image.told,
        "notes": list(image.notes) if image.prompt else [],
        "size": f"{grid.width} × {grid.height} px",
        "seconds": f"{image.seconds:.1f} s" if image.prompt else "",
        "url": f"{place}/picture?{asked}",
        "file": f"{place}/file" if image.prompt else "",
        "filename": image.path.name,
        "report": f"{place}/report" if image.report else "",
    }
