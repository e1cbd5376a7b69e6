"""Writing the results of a stream to files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from llars.infer.raster import RasterProfile, writing
from llars.infer.report.preview import Thumbnail, before_after, write_png
from llars.infer.tiling.engine import Restored
from llars.infer.tiling.invention import mask_profile
from llars.infer.tiling.overlap import behind
from llars.infer.tiling.stream import Stream

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["deliver"]


def deliver(
    places: Mapping[str, Path],
    stream: Stream,
    profile: RasterProfile,
    scene: xr.DataArray,
    tags: Mapping[str, str],
    intervals: Mapping[str, str],
) -> None:
    """Run the stream and write the requested outputs, in parallel with the work on the next tile.

    Args:
        places: paths to write to, by kind of output.
        stream: the restoration to run.
        profile: of the source; the image is stored in the same way.
        scene: the input of the stream.
        tags: tags of the files that say how they were made.
        intervals: additional tags of the uncertainty.
    """
    if stream.scale is None:
        profile = profile.on(stream.grid)
    sigma = tuple(f"standard deviation of {band.name}" for band in scene.attrs["bands"])
    profiles = {"image": profile, "uncertainty": profile.companion(sigma), "invented": mask_profile(profile)}
    said = {"image": tags, "uncertainty": {**tags, **intervals}, "invented": tags}
    seen = Thumbnail(stream.shape[1:], scene.attrs["bands"]) if "preview" in places else None
    with ExitStack() as stack:
        writers = {
            kind: stack.enter_context(writing(places[kind], profiles[kind], scale=stream.scale or 1, tags=said[kind]))
            for kind in profiles
            if kind in places
        }

        def write(part: Restored) -> None:
            writers["image"].write(part.window, part.values)
            if part.deviation is not None:
                writers["uncertainty"].write(part.window, part.deviation)
            if "invented" in writers:
                mask = stream.invented(part.window).astype(np.float32)
                mask[0, np.isnan(part.values).all(0)] = np.nan
                writers["invented"].write(part.window, mask)
            if seen is not None:
                seen.add(part.window, part.values)

        hand_over = stack.enter_context(behind(write))
        for part in stream:
            hand_over(part)
    if seen is not None:
        write_png(places["preview"], before_after(seen.of(scene), seen.image))
