"""Radar through initial estimate and network: the mean power is held, and no tile shows."""

import numpy as np
import pytest
import torch
import xarray as xr
from tests.infer.conftest import KeywordReader, SeededEncoder

from llars.bench.series import to_power
from llars.infer.restorer import Restorer
from llars.initial.despeckling import MAX_POWER_RATIO
from llars.model.network import Network
from llars.sensors import get_sensor

RADAR = get_sensor("sentinel1-grd-db")
SIDES = 300, 214


@pytest.fixture(scope="module")
def speckled() -> xr.DataArray:
    """Even ground of -12 and -18 dB under speckle of 4 looks; sides that no square divides."""
    power = np.random.default_rng(5).gamma(4.0, 0.25, (2, *SIDES))
    decibels = 10.0 * np.log10(power) + np.array([-12.0, -18.0])[:, None, None]
    attrs = {"bands": (RADAR.band("VV"), RADAR.band("VH")), "value_range": RADAR.valid_range, "units": "dB"}
    return xr.DataArray(decibels.astype(np.float32), dims=("band", "y", "x"), attrs=attrs)


@pytest.fixture(scope="module")
def mild(restorer):
    """A network that changes the power by less than ``MAX_POWER_RATIO``, up to which it is corrected."""
    torch.manual_seed(7)
    network = Network(restorer.info.config)
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.01)
    return Restorer(network.eval(), restorer.info, KeywordReader(), SeededEncoder(), device="cpu", precision="float32")


def test_the_mean_power_is_held_although_the_network_changes_it(mild, speckled):
    restored = np.asarray(mild(speckled, "noise"))
    before, after = (to_power(image, (0.0, 1.0)).mean((1, 2)) for image in (np.asarray(speckled), restored))
    np.testing.assert_allclose(after, before, rtol=0.01)


def test_tiles_of_radar_do_not_show(restorer, speckled):
    whole = np.asarray(restorer(speckled, "noise", tile=2000))
    # In decibels: far below what a product resolves.
    np.testing.assert_allclose(np.asarray(restorer(speckled, "noise", tile=64)), whole, atol=5e-3)


def test_no_target_comes_out_brighter_than_it_is(mild, speckled):
    """Sharp targets of 20 dB, which the network has not seen: none gains what the power correction may not give."""
    ships = speckled.copy()
    ships[:, 100:102, 50:52] = ships[:, 200:206, 150:156] = 20.0
    restored = mild(ships, "noise").values
    assert restored.max() < 20.0 + 10.0 * np.log10(MAX_POWER_RATIO)
    np.testing.assert_allclose(restored[:, 202:204, 152:154], 20.0, atol=1.0)


def test_linear_power_is_processed_in_decibels(restorer, speckled):
    power = (10.0 ** (speckled / 10.0)).astype(np.float32).assign_attrs(speckled.attrs, units="power")
    power.attrs["value_range"] = (0.0, 1.0)
    decibels, decibel_deviation = restorer(speckled, "noise", uncertainty=True)
    result, deviation = restorer(power, "noise", uncertainty=True)
    np.testing.assert_allclose(10.0 * np.log10(result.values), decibels.values, atol=1e-3)
    np.testing.assert_allclose(deviation / result, np.log(10.0) / 10.0 * decibel_deviation, rtol=1e-3)


def test_power_of_0_and_gaps_stay(restorer, speckled):
    power = (10.0 ** (speckled / 10.0)).astype(np.float32).assign_attrs(speckled.attrs, units="power")
    power.attrs["value_range"] = (0.0, 1.0)
    power[:, :10], power[:, 20:30] = 0.0, np.nan
    result = restorer(power, "noise").values
    np.testing.assert_array_equal(result == 0.0, power.values == 0.0)
    np.testing.assert_array_equal(np.isnan(result), np.isnan(power.values))
