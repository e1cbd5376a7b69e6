"""Haze at the top of the atmosphere, where clear air scatters light too."""

import numpy as np
import pytest
from tests.infer.scenes import RED_NIR

from llars.bands import Band, Modality
from llars.errors import InstructionError
from llars.initial.rayleigh import rayleigh_reflectance
from llars.tasks import Step

HAZE = [Step("haze", 0.5, "remove the haze")]


@pytest.mark.parametrize("lazy", [False, True])
def test_haze_is_judged_without_what_clear_air_scatters(fuser, data_array, lazy):
    """At the top of the atmosphere the result is that of the same scene less Rayleigh scattering, which stays."""
    top = data_array.assign_attrs(sensor="sentinel2-l1c")
    clear_air = np.float32(rayleigh_reflectance(RED_NIR))[:, None, None]
    result = fuser(top.chunk() if lazy else top, HAZE)
    surface = fuser((data_array - clear_air).assign_attrs(data_array.attrs), HAZE)
    np.testing.assert_allclose(result.values, surface.values + clear_air, atol=1e-5)
    assert np.nanmax(np.abs(result.values - fuser(data_array, HAZE).values)) > 1e-3


@pytest.mark.parametrize("task", ["haze", "cloud"])
@pytest.mark.parametrize(
    ("modality", "found"), [(Modality.THERMAL, r"only thermal bands \(A, B\)"), (Modality.SAR, "only radar bands")]
)
def test_what_is_modelled_in_reflected_light_is_refused_without_it(fuser, data_array, task, modality, found):
    bands = tuple(Band(name, modality=modality) for name in "AB")
    with pytest.raises(InstructionError, match=f"{found}.*leave that step out"):
        fuser(data_array, [Step(task, 0.5, f"remove the {task}")], bands=bands)
    mixed = (bands[0], Band("C", modality=Modality.OPTICAL))
    fuser(data_array, [Step(task, 0.5, f"remove the {task}")], bands=mixed)
