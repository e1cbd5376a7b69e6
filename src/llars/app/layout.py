"""The page of the playground: its components, and the handlers that their events call."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import gradio as gr

from llars.app.bundled import BUNDLED
from llars.app.handlers import ANY_SENSOR, MAX_FINDINGS, Handlers
from llars.app.service import PlaygroundService
from llars.app.session import STRETCHES
from llars.app.uploads import Limits
from llars.infer.tiling.memory import in_words
from llars.sensors import SENSORS
from llars.tasks import TASKS

__all__ = ["appearance", "playground"]

SUGGESTED_TASKS = ("denoise", "destripe", "haze", "deblur", "cloud", "sr", "brightness", "stretch", "equalize")
"""Tasks whose instruction is suggested, if the weights can do them; tasks that need a guide are left out."""


def appearance() -> dict[str, Any]:
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
    return {"theme": theme, "css": _resource("page.css")}


def playground(service: PlaygroundService) -> gr.Blocks:
    """The page, wired to the service."""
    page: gr.Blocks = gr.Blocks(title="llars playground", analytics_enabled=False, delete_cache=(3600, 3600))
    with page:
        gr.HTML('<div class="head"><b>llars</b><span>Bad satellite images made good, by instruction.</span></div>')
        with gr.Row(equal_height=False):
            with gr.Column(scale=3, min_width=300):
                controls = _controls(service)
            with gr.Column(scale=8, min_width=420):
                with gr.Row():
                    bands = gr.Dropdown(label="Bands", choices=[], interactive=True, elem_id="bands")
                    default_stretch = next(iter(STRETCHES))
                    stretch = gr.Dropdown(
                        label="Stretch", choices=[*STRETCHES], value=default_stretch, elem_id="stretch"
                    )
                viewer = gr.HTML(
                    {"images": []},
                    html_template='<div class="viewer"></div>',
                    css_template=_resource("viewer.css"),
                    js_on_load=_resource("viewer.js"),
                    apply_default_css=False,
                    elem_id="viewer",
                )
        _wire(page, service, controls, bands, stretch, viewer)
    page.queue(default_concurrency_limit=4, max_size=100)
    return page


def _resource(name: str) -> str:
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
    diagnosis_label: gr.HTML
    findings_row: gr.Row
    findings: list[gr.Button]
    suggestions: list[gr.Button]
    run: gr.Button
    status: gr.HTML
    report: gr.Checkbox
    clear: gr.Button


def _controls(service: PlaygroundService) -> _Controls:
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
        gr.HTML(f'<span class="limits">{_limits(service.limits)}</span>')
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
    diagnosis_label, findings_row, findings, suggestions = _suggestions(service)
    with gr.Row(elem_id="options"):
        report = gr.Checkbox(label="with a report", value=False, elem_id="report", container=False, min_width=120)
        clear = gr.Button("Clear results", size="sm", elem_id="clear", min_width=120)
    return _Controls(
        pick,
        upload,
        facts,
        sensor,
        guide,
        prompt,
        diagnosis_label,
        findings_row,
        findings,
        suggestions,
        run,
        status,
        report,
        clear,
    )


def _suggestions(service: PlaygroundService) -> tuple[gr.HTML, gr.Row, list[gr.Button], list[gr.Button]]:
    diagnosis_label = gr.HTML("", elem_id="found", visible=False)
    with gr.Row(elem_classes=["chips", "seen"], visible=False) as findings_row:
        findings = [gr.Button("", visible=False, size="sm") for _ in range(MAX_FINDINGS)]
    gr.HTML('<span class="label">You could say</span>')
    with gr.Row(elem_classes=["chips"], elem_id="say"):
        available = [
            task for key in SUGGESTED_TASKS for task in TASKS if task.key == key and key in service.restorer.tasks
        ]
        suggestions = [gr.Button(task.instruction, size="sm") for task in available]
    return diagnosis_label, findings_row, findings, suggestions


def _limits(limits: Limits) -> str:
    size = f"Up to {in_words(limits.upload)}, {limits.pixels / 1e6:.0f} Mpx and {limits.bands} bands; "
    return f"{size}{limits.seconds:.0f} s of work. What you send is deleted after you leave."


def _wire(
    page: gr.Blocks, service: PlaygroundService, controls: _Controls, bands: Any, stretch: Any, viewer: Any
) -> None:
    """Connect the events; an opened scene is shown at once, and its diagnosis as soon as it is known."""
    handlers = Handlers(service)
    quiet: dict[str, Any] = {"show_progress": "hidden"}
    private: dict[str, Any] = {"api_visibility": "private", **quiet}
    opened = [viewer, bands, controls.facts, controls.prompt]
    for event, handler, component, name in (
        (page.load, handlers.open_bundled, controls.pick, "first"),
        (controls.pick.input, handlers.open_bundled, controls.pick, "open"),
        (controls.upload.upload, handlers.open_upload, controls.upload, "upload"),
    ):
        shown_event = event(handler, [component, controls.sensor, stretch], opened, api_name=name, **quiet)
        diagnosis_parts = [controls.diagnosis_label, controls.findings_row, *controls.findings]
        shown_event.success(
            handlers.diagnose, None, diagnosis_parts, concurrency_id="look", concurrency_limit=1, **private
        )
    controls.guide.upload(
        handlers.add_guide, [controls.guide], [controls.facts, controls.prompt], api_name="guide", **quiet
    )
    for event in (controls.run.click, controls.prompt.submit):
        event(
            handlers.restore,
            [controls.prompt, bands, stretch, controls.report],
            [viewer, controls.status],
            api_name="restore",
            concurrency_id="work",
            concurrency_limit=1,
            show_progress_on=[controls.status],
            trigger_mode="once",
        )
    controls.clear.click(handlers.clear, [bands, stretch], [viewer], **private)
    for picker in (bands, stretch):
        picker.input(handlers.show, [bands, stretch], [viewer], api_name="show", **quiet)
    for button in (*controls.findings, *controls.suggestions):
        button.click(lambda text: text, [button], [controls.prompt], queue=False, **private)
    page.unload(handlers.leave)
