"""Requests to fill nodata are told from dead lines, clouds and missing dates."""

import pytest

from llars.text.gaps import asks_to_fill, names_scan_gaps


@pytest.mark.parametrize(
    "text",
    [
        "fill gaps", "SLC-off gap filling", "interpolate the missing lines of SLC-off", "fill the nodata",
        "fill in the missing pixels", "gap filling", "gapfill", "interpolate the NaNs", "inpaint the holes",
        "replace the nodata values", "close the data gaps", "fill the black stripes of SLC-off",
        "repair the SLC-off gaps", "ETM+ gap filling", "fill the wedges of Landsat 7", "missing data reconstruction",
    ],
)  # fmt: skip
def test_requests_to_fill_missing_pixels(text: str) -> None:
    assert asks_to_fill(text)


@pytest.mark.parametrize(
    "text",
    [
        "remove the dead lines", "fill the dead scan lines", "fill the dropped lines", "gap filling of dead lines",
        "fill the gaps under the clouds", "fill the cloud gaps", "fill the gaps in the time series with MODIS",
        "use the radar to fill the gaps", "the histogram is all spikes and gaps", "remove SLC-off stripes",
        "Landsat 7 SLC-off stripes, please repair", "the SLC-off gaps look like stripes", "remove the noise",
        "remove the stripes of Landsat 7",
    ],
)  # fmt: skip
def test_other_requests(text: str) -> None:
    assert not asks_to_fill(text)


def test_the_gaps_of_the_scan_line_corrector_are_known_by_name() -> None:
    assert all(map(names_scan_gaps, ("SLC-off stripes", "the scan line corrector failed", "Landsat 7 with its gaps")))
    assert not any(map(names_scan_gaps, ("remove the stripes", "despeckle the SLC", "stripes of Landsat 7")))
