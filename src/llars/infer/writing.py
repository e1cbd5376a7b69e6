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
from llars.infer.tiling.pipelining import write_behind
from llars.infer.tiling.stream import Stream

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_outputs"]


def write_outputs(
    paths: Mapping[str, Path],
    stream: Stream,
    profile: RasterProfile,
    scene: xr.DataArray,
    tags: Mapping[str, str],
    intervals: Mapping[str, str],
) -> None:
    """Run the stream and write the requested outputs, in parallel with the work on the next tile.

    Args:
        paths: paths to write to, by kind of output.
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
    tags_by_kind = {"image": tags, "uncertainty": {**tags, **intervals}, "invented": tags}
    thumbnail = Thumbnail(stream.shape[1:], scene.attrs["bands"]) if "preview" in paths else None
    with ExitStack() as stack:
        writers = {
            kind: stack.enter_context(
                writing(paths[kind], profiles[kind], scale=stream.scale or 1, tags=tags_by_kind[kind])
            )
            for kind in profiles
            if kind in paths
        }

        def write(part: Restored) -> None:
            writers["image"].write(part.window, part.values)
            if part.deviation is not None:
                writers["uncertainty"].write(part.window, part.deviation)
            if "invented" in writers:
                mask = stream.invented(part.window).astype(np.float32)
                mask[0, np.isnan(part.values).all(0)] = np.nan
                writers["invented"].write(part.window, mask)
            if thumbnail is not None:
                thumbnail.add(part.window, part.values)

        enqueue = stack.enter_context(write_behind(write))
        for part in stream:
            enqueue(part)
    if thumbnail is not None:
        write_png(paths["preview"], before_after(thumbnail.of(scene), thumbnail.image))
