"""The report of one restoration: a self-contained HTML page that makes no network requests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from importlib import resources
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

from llars.bands import Band
from llars.errors import OutputError
from llars.infer.raster.profile import RasterProfile
from llars.infer.reading.grids import Grid, pixel_aspect
from llars.infer.reading.raster_file import RasterFile
from llars.infer.report.measures import measure
from llars.infer.report.pictures import RAMP, decimated_pair
from llars.infer.report.sections import change, consistency, facts, histograms, overview, spectra, uncertainty_section
from llars.tasks import Step

if TYPE_CHECKING:
    import xarray as xr

    from llars.infer.tiling.stream import Stream

__all__ = ["Report", "step_label", "write_page"]


@dataclass(frozen=True)
class Report:
    """A restoration that has been written, and where it came from."""

    source: Path
    output: Path
    """The path to show; the pixels may still lie at ``pixels``."""

    pixels: Path
    """Where the result can be read now."""

    uncertainty: Path | None
    """Where the standard deviation of the error can be read now; None where it was not asked for."""

    profile: RasterProfile
    """Profile of the input."""

    grid: Grid
    """Grid of the result."""

    scale: int | None
    """How many times finer it is than the input's, within the same bounds; None where it is another grid."""

    bands: Sequence[Band]
    units: str
    steps: Sequence[Step]
    notes: Sequence[str]
    tags: Mapping[str, str]
    """Tags of the output file, which say how it was made."""

    details: Mapping[str, str]
    """Further entries of the provenance: device, guides, seconds."""

    @classmethod
    def of(
        cls,
        paths: Mapping[str, Path],
        temporary: Mapping[str, Path],
        stream: Stream,
        profile: RasterProfile,
        scene: xr.DataArray,
        steps: Sequence[Step],
        notes: Sequence[str],
        tags: Mapping[str, str],
        details: Mapping[str, str],
    ) -> Report:
        """From a stream that was written: ``paths`` are the paths to show, ``temporary`` where the files lie now."""
        return cls(
            source=Path(str(profile.source)),
            output=paths["image"],
            pixels=temporary["image"],
            uncertainty=temporary.get("uncertainty"),
            profile=profile,
            grid=stream.grid,
            scale=stream.scale,
            bands=scene.attrs["bands"],
            units=scene.attrs["units"],
            steps=steps,
            notes=notes,
            tags=tags,
            details=details,
        )

    def files(self) -> tuple[RasterFile, RasterFile]:
        """The input and the result."""
        source = self.profile
        decoding = source.written if self.scale is not None else source.on(self.grid).decoding
        return RasterFile(self.source, source.decoding, source.grid), RasterFile(self.pixels, decoding, self.grid)

    def deviation(self) -> RasterFile | None:
        """The standard deviation of the error."""
        if self.uncertainty is None:
            return None
        return RasterFile(self.uncertainty, self.profile.companion().decoding, self.grid)


def write_page(path: Path, report: Report) -> None:
    """Write the report to ``path``: one self-contained HTML file below 2 MB.

    Both images are read decimated, and at full resolution in windows spread over the scene; neither is ever read
    whole.

    Raises:
        OutputError: the page cannot be written.
        RasterError: the input has vanished.
    """
    before, after = report.files()
    decimated = decimated_pair(before, after, report.scale)
    names = [band.name for band in report.bands]
    changes = measure(before, after, report.scale, names)
    tasks = {step.task for step in report.steps}
    parts = [
        overview(decimated, before, after, report.scale, report.bands),
        consistency(changes, report.scale, tasks, report.units),
        change(decimated, report.bands, report.units),
        histograms(changes, report.units),
        spectra(decimated, report.bands, after.grid, report.units),
        uncertainty_section(report.deviation(), decimated.after.shape[1:], report.units),
        facts(_facts(report)),
    ]
    prompt = report.tags.get("LLARS_PROMPT", "")
    ramp = ", ".join(f"rgb{colour}".replace(" ", "") for colour in RAMP)
    page = Template(_template("page.html")).substitute(
        title=escape(f"{report.output.name} - llars"),
        heading=escape(f"“{prompt}”" if prompt else report.output.name),
        chips="".join(f"<li>{chip}</li>" for chip in _chips(report)),
        style=Template(_template("page.css")).substitute(ramp=ramp),
        script=_template("page.js"),
        sections="\n".join(parts),
        footer="Made on this machine; this page loads nothing and sends nothing.",
    )
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as fault:
        raise OutputError(
            f"cannot write the report {path.name}: {fault.strerror}; free space or choose another folder"
        ) from None


def _template(name: str) -> str:
    return resources.files("llars.infer.report").joinpath(name).read_text(encoding="utf-8")


def _chips(report: Report) -> list[str]:
    files = f"{escape(report.source.name)} → <b>{escape(report.output.name)}</b>"
    steps = [f"<b>{escape(step_label(step))}</b>" for step in report.steps]
    size = f"{report.profile.width} × {report.profile.height} px → {report.grid.width} × {report.grid.height} px"
    return [files, *(steps or ["nothing to do"]), size, f"{len(report.bands)} bands"]


def step_label(step: Step) -> str:
    """A step in few words, such as ``denoise 0.50`` or ``sr ×2``."""
    if step.task == "sr":
        return f"sr ×{step.scale}"
    return f"{step.task} {step.severity:+.2f}" if step.task == "brightness" else f"{step.task} {step.severity:.2f}"


def _facts(report: Report) -> dict[str, str]:
    profile, grid, tags = report.profile, report.grid, report.tags
    match = profile.decoding.match
    sensor = f"{match.sensor.title} ({match.source})" if match.sensor else "unknown: values as stored"
    understood = [
        f"{step.task} at {step.severity:.2f}"
        + (f", ×{step.scale}" if step.scale > 1 else "")
        + (f", from “{step.text}”" if step.text else "")
        + f", {100 * step.confidence:.0f} % sure"
        for step in report.steps
    ]
    crs = grid.crs.to_string() if grid.crs else "none"
    entries = {
        "Input": report.source.name,
        "Output": report.output.name,
        "Instruction": tags.get("LLARS_PROMPT") or "none given",
        "Read as": "; ".join(understood) or "nothing to do",
        "Model": tags["LLARS_MODEL"],
        "Weights (SHA-256)": tags["LLARS_WEIGHTS_SHA256"],
        **({"Adapters (SHA-256)": tags["LLARS_ADAPTERS"]} if "LLARS_ADAPTERS" in tags else {}),
        "Version": f"llars {tags['LLARS_VERSION']}",
        "Made": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        **report.details,
        "Sensor": sensor,
        "Bands": ", ".join(_band(band) for band in report.bands),
        "Coordinate system": crs if len(crs) < 120 else f"{crs[:120]}…",
        "Pixel": _pixel(grid),
        "Bounds": _bounds(grid),
        "Stored as": f"{profile.dtype}, no data {'none' if profile.nodata is None else f'{profile.nodata:g}'}",
    }
    return entries | ({"Notes": "; ".join(report.notes)} if report.notes else {})


def _band(band: Band) -> str:
    return f"{band.name} ({band.wavelength_nm:.0f} nm)" if band.wavelength_nm else band.name


def _pixel(grid: Grid) -> str:
    if grid.transform is None or grid.transform.is_identity:
        return "place on the map unknown"
    a, b, _, d, e, _ = tuple(grid.transform)[:6]
    width, height = (a * a + d * d) ** 0.5, (b * b + e * e) ** 0.5
    unit = "°" if grid.crs and grid.crs.is_geographic else f" {grid.crs.linear_units}" if grid.crs else ""
    aspect = (
        ""
        if abs(pixel_aspect(grid) - 1.0) < 0.01
        else f"; {pixel_aspect(grid):.2f} times as wide as high on the ground"
    )
    return f"{width:.6g} × {height:.6g}{unit}{aspect}"


def _bounds(grid: Grid) -> str:
    if grid.transform is None or grid.transform.is_identity:
        return "unknown"
    corners = [
        grid.transform @ corner for corner in ((0, 0), (grid.width, 0), (0, grid.height), (grid.width, grid.height))
    ]
    xs, ys = zip(*corners, strict=True)
    return f"{min(xs):.10g}, {min(ys):.10g} to {max(xs):.10g}, {max(ys):.10g}"
