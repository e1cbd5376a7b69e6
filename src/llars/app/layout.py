"""The page of the playground: its components, and the handlers that their events call."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import gradio as gr

from llars.app.bundled import BUNDLED
from llars.app.doors import ANY_SENSOR, MOST_FINDINGS, Doors
from llars.app.intake import Limits, readable
from llars.app.session import STRETCHES
from llars.app.studio import Studio
from llars.sensors import SENSORS
from llars.tasks import TASKS

__all__ = ["look", "playground"]

SHOWN = ("denoise", "destripe", "haze", "deblur", "cloud", "sr", "brightness", "stretch", "equalize")
"""Tasks whose instruction is suggested, if the weights can do them; tasks that need a guide are left out."""


def look() -> dict[str, Any]:
    """Theme and styles, without external resources such as web fonts."""
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
    """The components of the left column."""

    pick: gr.Dropdown
    upload: gr.UploadButton
    facts: gr.HTML
    sensor: gr.Dropdown
    guide: gr.UploadButton
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
    with gr.Accordion("Sensor, radar or PAN, limits", open=False, elem_id="more"):
        sensor = gr.Dropdown(
            label="Sensor of an upload", choices=[ANY_SENSOR, *SENSORS], value=ANY_SENSOR, elem_id="sensor"
        )
        guide = gr.UploadButton(
            "Add radar or a panchromatic band", file_types=[".tif", ".tiff"], size="sm", elem_id="guide"
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
        pick, upload, facts, sensor, guide, prompt, found, seen, findings, suggestions, run, status, report, clear
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
    """Connect the events; an opened scene is shown at once, and its diagnosis as soon as it is known."""
    doors = Doors(studio)
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
    left.guide.upload(doors.add_guide, [left.guide], [left.facts, left.prompt], api_name="guide", **quiet)
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
