"""The parts of the report, each a piece of HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from html import escape

import numpy as np

from llars.bands import Band
from llars.infer.reading.grids import Grid
from llars.infer.reading.raster_file import RasterFile
from llars.infer.report.charts import histogram, spectrum
from llars.infer.report.display import data_uri, jpeg
from llars.infer.report.measures import BandChange, Changes
from llars.infer.report.pictures import (
    PERCENT,
    PICTURE_BYTES,
    DecimatedPair,
    detail_window,
    distinct_points,
    heatmap,
    natural,
    pair,
    removed_signal,
)
from llars.infer.report.stretch import limits, to_bytes
from llars.tasks import PROJECTED_TASKS

__all__ = ["change", "consistency", "facts", "histograms", "overview", "spectra", "uncertainty_section"]

POINTS = 6
MAX_CHARTS = 24
"""Most histograms on a page; of scenes with more bands, every n-th is shown."""

MEAN_PRESERVING_TASKS = {"denoise", "deblur", "sr", "pansharpen"}
"""Tasks that keep the brightness of wide areas: unlike stripes and haze, noise and blur do not shift the mean."""

MAX_BROAD_CHANGE, MAX_MEAN_SHIFT = 0.1, 0.02
"""Fractions of the scene's contrast by which wide areas, and the mean of a band, may change in those tasks."""

KEY = '<div class="key"><span><i></i>before</span><span><i class="after"></i>after</span></div>'


def overview(
    decimated: DecimatedPair, before: RasterFile, after: RasterFile, scale: int | None, bands: Sequence[Band]
) -> str:
    """The slider over the whole scene and, for a large one, over the part that changed most."""
    marks = "".join(
        f'<span class="mark" style="left:{100 * (column + 0.5) / decimated.after.shape[2]:.2f}%;'
        f'top:{100 * (row + 0.5) / decimated.after.shape[1]:.2f}%">{number}</span>'
        for number, (row, column) in enumerate(distinct_points(decimated, POINTS), 1)
    )
    text = "<p>Drag the handle. Both sides are stretched alike; the numbers mark the places of the spectra below.</p>"
    body = text + _slider(*pair(decimated, bands), decimated.after.shape[1:], marks)
    window = None if scale is None else detail_window(decimated, after.shape[1:])
    if window is not None and scale is not None:
        channels = natural(bands)
        enlarged = before.read(window.coarser(scale))[channels].repeat(scale, axis=1).repeat(scale, axis=2)
        enlarged = enlarged[(slice(None), *window.inside(window.coarser(scale).finer(scale)))]
        images = [enlarged, after.read(window)[channels]]
        low, high = limits(images, PERCENT)
        uris = [data_uri(jpeg(to_bytes(image, low, high), PICTURE_BYTES)) for image in images]
        place = f"row {window.top}, column {window.left}"
        body += f"<p><br>Pixel for pixel, where the result changed most ({place}):</p>"
        body += _slider(uris[0], uris[1], window.shape, "")
    return _section("Before and after", body)


def _slider(before: str, after: str, shape: tuple[int, ...], marks: str) -> str:
    rows, columns = shape
    # No taller than a screen, no wider than the page, and small scenes are enlarged to be seen.
    width = f"min(100%, {78 * columns / rows:.1f}vh)"
    crisp = " crisp" if max(rows, columns) < 700 else ""
    return (
        f'<div class="slider{crisp}" style="aspect-ratio:{columns}/{rows};width:{width}">'
        f'<img src="{after}" alt="after" width="{columns}" height="{rows}">'
        f'<div class="over"><img src="{before}" alt="before" width="{columns}" height="{rows}"></div>{marks}'
        '<span class="tag left">before</span><span class="tag right">after</span>'
        '<input type="range" min="0" max="100" step="0.1" value="50" aria-label="how much of the input is shown">'
        '<div class="bar"></div></div>'
    )


def consistency(changes: Changes, scale: int | None, tasks: AbstractSet[str], units: str) -> str:
    """The result brought back to the input's grid, against the input: what changed where nothing should."""
    band_changes = changes.bands
    spread = float(np.mean([band.deviations[0] for band in band_changes])) or 1.0
    broad = float(np.mean([band.broad for band in band_changes])) / spread
    worst = max(band_changes, key=lambda band: abs(band.shift) / (band.deviations[0] or 1.0))
    shift = abs(worst.shift) / (worst.deviations[0] or 1.0)
    checks = [_gaps(changes, scale)]
    if tasks & PROJECTED_TASKS and scale is not None:
        preserved = max(band.change / (band.deviations[0] or 1.0) for band in band_changes) < 0.01
        text = (
            "the result averaged over each pixel of the input gives that pixel"
            if preserved
            else "the input's means changed"
        )
        checks.append(("ok" if preserved else "odd" if tasks <= PROJECTED_TASKS else "told", text))
    mean_preserving = bool(tasks) and tasks <= MEAN_PRESERVING_TASKS
    shifts = (
        (broad, MAX_BROAD_CHANGE, f"squares of 16 px moved by {100 * broad:.1f} % of the scene's contrast"),
        (
            shift,
            MAX_MEAN_SHIFT,
            f"the mean of a band moved by at most {100 * shift:.2f} % of its contrast ({worst.name})",
        ),
    )
    for amount, allowed, text in shifts:
        checks.append(("told" if not mean_preserving else "ok" if amount < allowed else "odd", text))
    checks.append(("told", f"{100 * changes.untouched:.1f} % of the values are exactly those of the input"))
    items = "".join(f'<li class="{state}">{escape(text)}</li>' for state, text in checks)
    covered = (
        "every pixel" if changes.share > 0.999 else f"{changes.pixels / 1e6:.1f} Mpx, {100 * changes.share:.2g} % of it"
    )
    head = ("band", "mean before", "mean after", "mean change", "RMS change", "over 16 px squares", "largest")
    rows = "".join(_row(band) for band in band_changes)
    table = f'<div class="wide"><table><tr>{"".join(f"<th>{cell}</th>" for cell in head)}</tr>{rows}</table></div>'
    text = (
        "<p>The result was brought back to the input's grid and compared with the input at full resolution, over "
        f"{covered}. Values in {escape(units)}.</p>"
    )
    return _section("What changed where nothing should", text + f'<ul class="checks">{items}</ul>' + table)


def _gaps(changes: Changes, scale: int | None) -> tuple[str, str]:
    if scale is None:
        return "told", "the result lies on another grid: gaps are not compared"
    if changes.gaps_differ:
        return "odd", f"{changes.gaps_differ} values have data on one side alone"
    count = f"{changes.gaps} values" if changes.gaps else "there is none in the windows"
    return "ok", f"no data stayed no data, pixel for pixel ({count})"


def _row(band: BandChange) -> str:
    numbers = (*band.means, band.shift, band.change, band.broad, band.largest)
    cells = "".join(f"<td>{number:.4g}</td>" for number in numbers)
    return f"<tr><td>{escape(band.name)}</td>{cells}</tr>"


def change(decimated: DecimatedPair, bands: Sequence[Band], units: str) -> str:
    """How much the image changed where, and what was removed."""
    strength = heatmap(np.sqrt(np.square(decimated.difference).mean(axis=0)))
    removed, (low, high) = removed_signal(decimated, bands)
    unit = escape(units)
    return _section(
        "Difference",
        '<div class="two">'
        f'<figure><img src="{strength.uri}" alt="map of the change">'
        f'<div class="ramp">{strength.low:.3g}<i></i>{strength.high:.3g} {unit}</div>'
        "<figcaption><b>How much changed</b>, root mean square over the bands</figcaption></figure>"
        f'<figure><img src="{removed}" alt="what was removed">'
        f'<div class="ramp grey">{low:.3g}<i></i>{high:.3g} {unit}</div>'
        "<figcaption><b>What was taken away</b>, input minus result: a fault shows here, the scene's own outlines "
        "should not</figcaption></figure></div>",
    )


def histograms(changes: Changes, units: str) -> str:
    """Histograms of the bands, before and after."""
    step = -(-len(changes.bands) // MAX_CHARTS)
    figures = [_histogram(band) for band in changes.bands[::step]]
    text = f"{KEY}<p>Share of pixels over {escape(units)}; mean ± standard deviation below.</p>"
    return _section("Histograms", f'{text}<div class="grid">{"".join(figures)}</div>')


def _histogram(band: BandChange) -> str:
    bars = (band.edges.tolist(), band.before.tolist(), band.after.tolist())
    return (
        f"<figure>{histogram(*bars, f'histogram of {band.name}')}<figcaption><b>{escape(band.name)}</b> "
        f"{band.means[0]:.3g} ± {band.deviations[0]:.3g} → {band.means[1]:.3g} ± {band.deviations[1]:.3g}"
        "</figcaption></figure>"
    )


def spectra(decimated: DecimatedPair, bands: Sequence[Band], grid: Grid, units: str) -> str:
    """Spectra before and after, at places whose spectra differ most."""
    points = distinct_points(decimated, POINTS)
    if len(bands) < 3 or not points:
        return ""
    waves = [band.wavelength_nm for band in bands]
    known = all(wave is not None for wave in waves)
    across = [float(wave or 0.0) for wave in waves] if known else [float(i + 1) for i in range(len(bands))]
    order = np.argsort(across)
    values = [image[:, row, column] for row, column in points for image in (decimated.before, decimated.after)]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    figures = []
    for number, (row, column) in enumerate(points, 1):
        lines = [
            [(across[i], float(image[i, row, column])) for i in order] for image in (decimated.before, decimated.after)
        ]
        chart = spectrum(lines[0], lines[1], (min(low, 0.0) if known else low, high), f"spectrum at point {number}")
        place = _place(grid, row, column, decimated.after.shape[1:])
        figures.append(f"<figure>{chart}<figcaption><b>{number}</b> {place}</figcaption></figure>")
    axis = "wavelength in nm" if known else "number of the band"
    text = f"{KEY}<p>{escape(units).capitalize()} over {axis}, at the places numbered in the picture on top.</p>"
    return _section("Spectra", f'{text}<div class="grid">{"".join(figures)}</div>')


def _place(grid: Grid, row: int, column: int, shape: tuple[int, ...]) -> str:
    down, across = (row + 0.5) * grid.height / shape[0], (column + 0.5) * grid.width / shape[1]
    if grid.transform is None:
        return f"row {int(down)}, column {int(across)}"
    x, y = grid.transform @ (across, down)
    return f"{x:.5f}, {y:.5f}" if grid.crs and grid.crs.is_geographic else f"{x:.0f}, {y:.0f}"


def uncertainty_section(deviation: RasterFile | None, shape: tuple[int, ...], units: str) -> str:
    """The standard deviation of the error, where it was asked for."""
    if deviation is None:
        text = "<p>It was not asked for; <code>--uncertainty sigma.tif</code> writes it and shows it here.</p>"
        return _section("How sure the model is", text)
    image = np.sqrt(np.square(deviation.decimated(shape[0], shape[1])).mean(axis=0))
    sigma_map = heatmap(image)
    middle = float(np.nanmedian(image)) if np.isfinite(image).any() else 0.0
    text = (
        "<p>Standard deviation of the error as the model expects it, root mean square over the bands; half of the "
        f"pixels lie below {middle:.3g} {escape(units)}. Dark places were guessed more than measured.</p>"
    )
    figure = (
        f'<figure><img src="{sigma_map.uri}" alt="map of the uncertainty"><div class="ramp">{sigma_map.low:.3g}<i></i>'
        f"{sigma_map.high:.3g} {escape(units)}</div></figure>"
    )
    return _section("How sure the model is", f'{text}<div class="two">{figure}</div>')


def facts(entries: Mapping[str, str]) -> str:
    """Provenance of the result."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{_value(text)}</td></tr>" for name, text in entries.items())
    return _section("Provenance", f'<table class="facts">{rows}</table>')


def _value(text: str) -> str:
    return f"<code>{text}</code>" if re.fullmatch(r"[0-9a-f]{64}", text) else escape(text)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"
