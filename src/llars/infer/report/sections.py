"""The parts of the report, each a piece of HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from html import escape

import numpy as np

from llars.bands import Band
from llars.infer.reading.grids import Grid
from llars.infer.report.charts import histogram, spectrum
from llars.infer.report.display import RasterFile, data_uri, jpeg
from llars.infer.report.measures import BandChange, Changes
from llars.infer.report.pictures import (
    PERCENT,
    PICTURE_BYTES,
    Thin,
    detail_window,
    distinct_points,
    heat,
    natural,
    pair,
    taken_away,
)
from llars.infer.report.stretch import limits, to_bytes

__all__ = ["change", "consistency", "facts", "histograms", "overview", "spectra", "sureness"]

POINTS = 6
MOST_CHARTS = 24
"""Most histograms on a page; of scenes with more bands, every n-th is shown."""

HELD = {"sr", "pansharpen"}
"""Tasks whose result, averaged to the input's grid, must equal the input."""

QUIET = {"denoise", "deblur", "sr", "pansharpen"}
"""Tasks that keep the brightness of wide areas: unlike stripes and haze, noise and blur do not shift the mean."""

BROADLY, ON_AVERAGE = 0.1, 0.02
"""Fractions of the scene's contrast by which wide areas, and the mean of a band, may change in those tasks."""

KEY = '<div class="key"><span><i></i>before</span><span><i class="after"></i>after</span></div>'


def overview(thin: Thin, before: RasterFile, after: RasterFile, scale: int | None, bands: Sequence[Band]) -> str:
    """The slider over the whole scene and, for a large one, over the part that changed most."""
    marks = "".join(
        f'<span class="mark" style="left:{100 * (column + 0.5) / thin.after.shape[2]:.2f}%;'
        f'top:{100 * (row + 0.5) / thin.after.shape[1]:.2f}%">{number}</span>'
        for number, (row, column) in enumerate(distinct_points(thin, POINTS), 1)
    )
    told = "<p>Drag the handle. Both sides are stretched alike; the numbers mark the places of the spectra below.</p>"
    body = told + _slider(*pair(thin, bands), thin.after.shape[1:], marks)
    window = None if scale is None else detail_window(thin, after.shape[1:])
    if window is not None and scale is not None:
        channels = natural(bands)
        near = before.read(window.coarser(scale))[channels].repeat(scale, axis=1).repeat(scale, axis=2)
        near = near[(slice(None), *window.inside(window.coarser(scale).finer(scale)))]
        images = [near, after.read(window)[channels]]
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
    shown = changes.bands
    spread = float(np.mean([band.deviations[0] for band in shown])) or 1.0
    broad = float(np.mean([band.broad for band in shown])) / spread
    worst = max(shown, key=lambda band: abs(band.shift) / (band.deviations[0] or 1.0))
    shift = abs(worst.shift) / (worst.deviations[0] or 1.0)
    checks = [_gaps(changes, scale)]
    if tasks & HELD and scale is not None:
        kept = max(band.change / (band.deviations[0] or 1.0) for band in shown) < 0.01
        told = (
            "the result averaged over each pixel of the input gives that pixel" if kept else "the input's means changed"
        )
        checks.append(("ok" if kept else "odd" if tasks <= HELD else "told", told))
    quiet = bool(tasks) and tasks <= QUIET
    moved = (
        (broad, BROADLY, f"squares of 16 px moved by {100 * broad:.1f} % of the scene's contrast"),
        (shift, ON_AVERAGE, f"the mean of a band moved by at most {100 * shift:.2f} % of its contrast ({worst.name})"),
    )
    for amount, allowed, told in moved:
        checks.append(("told" if not quiet else "ok" if amount < allowed else "odd", told))
    checks.append(("told", f"{100 * changes.untouched:.1f} % of the values are exactly those of the input"))
    listed = "".join(f'<li class="{state}">{escape(told)}</li>' for state, told in checks)
    covered = (
        "every pixel" if changes.share > 0.999 else f"{changes.pixels / 1e6:.1f} Mpx, {100 * changes.share:.2g} % of it"
    )
    head = ("band", "mean before", "mean after", "mean change", "RMS change", "over 16 px squares", "largest")
    rows = "".join(_row(band) for band in shown)
    table = f'<div class="wide"><table><tr>{"".join(f"<th>{cell}</th>" for cell in head)}</tr>{rows}</table></div>'
    told = (
        "<p>The result was brought back to the input's grid and compared with the input at full resolution, over "
        f"{covered}. Values in {escape(units)}.</p>"
    )
    return _section("What changed where nothing should", told + f'<ul class="checks">{listed}</ul>' + table)


def _gaps(changes: Changes, scale: int | None) -> tuple[str, str]:
    if scale is None:
        return "told", "the result lies on another grid: gaps are not compared"
    if changes.gaps_differ:
        return "odd", f"{changes.gaps_differ} values have data on one side alone"
    count = f"{changes.gaps} values" if changes.gaps else "there is none in the windows"
    return "ok", f"no data stayed no data, pixel for pixel ({count})"


def _row(band: BandChange) -> str:
    numbers = (*band.means, band.shift, band.change, band.broad, band.farthest)
    cells = "".join(f"<td>{number:.4g}</td>" for number in numbers)
    return f"<tr><td>{escape(band.name)}</td>{cells}</tr>"


def change(thin: Thin, bands: Sequence[Band], units: str) -> str:
    """How much the image changed where, and what was removed."""
    strength = heat(np.sqrt(np.square(thin.difference).mean(axis=0)))
    removed, (low, high) = taken_away(thin, bands)
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
    step = -(-len(changes.bands) // MOST_CHARTS)
    figures = [_histogram(band) for band in changes.bands[::step]]
    told = f"{KEY}<p>Share of pixels over {escape(units)}; mean ± standard deviation below.</p>"
    return _section("Histograms", f'{told}<div class="grid">{"".join(figures)}</div>')


def _histogram(band: BandChange) -> str:
    bars = (band.edges.tolist(), band.before.tolist(), band.after.tolist())
    return (
        f"<figure>{histogram(*bars, f'histogram of {band.name}')}<figcaption><b>{escape(band.name)}</b> "
        f"{band.means[0]:.3g} ± {band.deviations[0]:.3g} → {band.means[1]:.3g} ± {band.deviations[1]:.3g}"
        "</figcaption></figure>"
    )


def spectra(thin: Thin, bands: Sequence[Band], grid: Grid, units: str) -> str:
    """Spectra before and after, at places whose spectra differ most."""
    points = distinct_points(thin, POINTS)
    if len(bands) < 3 or not points:
        return ""
    waves = [band.wavelength_nm for band in bands]
    known = all(wave is not None for wave in waves)
    across = [float(wave or 0.0) for wave in waves] if known else [float(i + 1) for i in range(len(bands))]
    order = np.argsort(across)
    values = [image[:, row, column] for row, column in points for image in (thin.before, thin.after)]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    figures = []
    for number, (row, column) in enumerate(points, 1):
        lines = [[(across[i], float(image[i, row, column])) for i in order] for image in (thin.before, thin.after)]
        chart = spectrum(lines[0], lines[1], (min(low, 0.0) if known else low, high), f"spectrum at point {number}")
        place = _place(grid, row, column, thin.after.shape[1:])
        figures.append(f"<figure>{chart}<figcaption><b>{number}</b> {place}</figcaption></figure>")
    axis = "wavelength in nm" if known else "number of the band"
    told = f"{KEY}<p>{escape(units).capitalize()} over {axis}, at the places numbered in the picture on top.</p>"
    return _section("Spectra", f'{told}<div class="grid">{"".join(figures)}</div>')


def _place(grid: Grid, row: int, column: int, shape: tuple[int, ...]) -> str:
    down, across = (row + 0.5) * grid.height / shape[0], (column + 0.5) * grid.width / shape[1]
    if grid.transform is None:
        return f"row {int(down)}, column {int(across)}"
    x, y = grid.transform @ (across, down)
    return f"{x:.5f}, {y:.5f}" if grid.crs and grid.crs.is_geographic else f"{x:.0f}, {y:.0f}"


def sureness(deviation: RasterFile | None, shape: tuple[int, ...], units: str) -> str:
    """The standard deviation of the error, where it was asked for."""
    if deviation is None:
        told = "<p>It was not asked for; <code>--uncertainty sigma.tif</code> writes it and shows it here.</p>"
        return _section("How sure the model is", told)
    image = np.sqrt(np.square(deviation.thin(shape[0], shape[1])).mean(axis=0))
    drawn = heat(image)
    middle = float(np.nanmedian(image)) if np.isfinite(image).any() else 0.0
    told = (
        "<p>Standard deviation of the error as the model expects it, root mean square over the bands; half of the "
        f"pixels lie below {middle:.3g} {escape(units)}. Dark places were guessed more than measured.</p>"
    )
    figure = (
        f'<figure><img src="{drawn.uri}" alt="map of the uncertainty"><div class="ramp">{drawn.low:.3g}<i></i>'
        f"{drawn.high:.3g} {escape(units)}</div></figure>"
    )
    return _section("How sure the model is", f'{told}<div class="two">{figure}</div>')


def facts(told: Mapping[str, str]) -> str:
    """Provenance of the result."""
    rows = "".join(f"<tr><td>{escape(name)}</td><td>{_value(text)}</td></tr>" for name, text in told.items())
    return _section("Provenance", f'<table class="facts">{rows}</table>')


def _value(text: str) -> str:
    return f"<code>{text}</code>" if re.fullmatch(r"[0-9a-f]{64}", text) else escape(text)


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>"
