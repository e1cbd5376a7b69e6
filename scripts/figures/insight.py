"""Figures of what the network decides once per scene: the slots of its bands, and the experts used."""

from pathlib import Path

import numpy as np
import torch
import xarray as xr
from matplotlib import pyplot as plt
from numpy.typing import NDArray

import llars
from figures.drawing import dakota, save, wales
from llars.bands import Band
from llars.infer.reading.picture import picture_of
from llars.infer.reading.sampling import sample_windows, statistics_of
from llars.model.align import describe
from llars.model.condition import Conditions
from llars.tasks import TASKS
from llars.text.encoder import SentenceEncoder
from llars.weights.registry import find, load_network

KINDS = ("attention", "convolution", "channel")


class ConditionRecorder:
    """The bundled network, used only for its conditions."""

    def __init__(self) -> None:
        self.network = load_network(find("llars-small"))[0].eval()
        self.encoder = SentenceEncoder()

    @torch.inference_mode()
    def conditions(self, scene: xr.DataArray, words: str) -> Conditions:
        """The conditions for a scene and an instruction."""
        layers = picture_of(scene).layers
        statistics = statistics_of(layers)
        windows = statistics.apply(torch.from_numpy(sample_windows(layers, self.network.window)))[None]
        vector = torch.from_numpy(self.encoder.encode([words]))
        return self.network.condition(windows, describe([layers.bands]), statistics, vector)


def as_landsat(scene: xr.DataArray) -> xr.DataArray:
    """A Sentinel-2 scene with the bands and the pixel size of Landsat 8."""
    matching_bands = {"B2": "B02", "B3": "B03", "B4": "B04", "B5": "B8A", "B6": "B11", "B7": "B12"}
    chosen = [[band.name for band in scene.attrs["bands"]].index(name) for name in matching_bands.values()]
    bands = [band for band in llars.get_sensor("landsat8-oli-sr").bands if band.name in matching_bands]
    coarse = scene[chosen].coarsen(y=3, x=3, boundary="trim").mean()
    return coarse.assign_attrs(scene.attrs, bands=tuple(bands), sensor="landsat8-oli-sr").assign_coords(
        band=[band.name for band in bands]
    )


def plan(path: Path) -> None:
    """The transport plan of three sensors."""
    recorder = ConditionRecorder()
    scenes = {"Sentinel-2": wales(), "Landsat 8 (simulated)": as_landsat(wales()), "NAIP": dakota()}
    shares: dict[str, NDArray[np.float32]] = {}
    bands: dict[str, tuple[Band, ...]] = {}
    for name, scene in scenes.items():
        bands[name] = tuple(picture_of(scene).layers.bands)
        shares[name] = recorder.conditions(scene, "reduce the noise").plan.to_bands[0].T.numpy()
    # Slots have no natural order; they are sorted by the wavelengths that they take from Sentinel-2.
    lengths = np.log([band.wavelength_nm or 1.0 for band in bands["Sentinel-2"]])
    order = np.argsort((shares["Sentinel-2"] * lengths).sum(1) / shares["Sentinel-2"].sum(1))
    widths = [len(each) for each in bands.values()]
    figure, panels = plt.subplots(
        1, 3, figsize=(7.2, 3.6), layout="constrained", sharey=True, gridspec_kw={"width_ratios": widths}
    )
    for axes, (name, share) in zip(panels, shares.items(), strict=True):
        drawn = axes.imshow(share[order], cmap="magma_r", vmin=0, vmax=1, aspect="auto")
        labels = [f"{band.name}\n{band.wavelength_nm:.0f}" for band in bands[name]]
        axes.set_xticks(range(len(labels)), labels, fontsize=6)
        axes.set_title(name)
    panels[0].set_ylabel("slot, by wavelength")
    figure.supxlabel("band and its centre in nm", fontsize=8)
    figure.colorbar(drawn, ax=panels, label="share of the band's output")
    save(figure, path)


def experts(path: Path) -> None:
    """Gate weights of every expert of every block, for every task."""
    recorder = ConditionRecorder()
    used: dict[str, NDArray[np.float32]] = {kind: np.zeros((len(TASKS), 0), np.float32) for kind in KINDS}
    scenes = [wales(), dakota()]
    for kind in KINDS:
        rows = []
        for task in TASKS:
            seen = [recorder.conditions(scene, task.instruction).gates for scene in scenes]
            rows.append(np.mean([[getattr(gate, kind)[0].numpy() for gate in gates] for gates in seen], 0).ravel())
        used[kind] = np.stack(rows)
    count = recorder.network.config.experts
    figure, panels = plt.subplots(3, 1, figsize=(7.2, 6.0), layout="constrained", sharex=True)
    for axes, kind in zip(panels, KINDS, strict=True):
        drawn = axes.imshow(used[kind], cmap="magma_r", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set_yticks(range(len(TASKS)), [task.key for task in TASKS], fontsize=6)
        axes.set_title(f"{kind} experts")
        blocks = used[kind].shape[1] // count
        for edge in range(1, blocks):
            axes.axvline(edge * count - 0.5, color="0.7", linewidth=0.5)
        axes.set_xticks(np.arange(blocks) * count + (count - 1) / 2, [str(block + 1) for block in range(blocks)])
    panels[-1].set_xlabel(f"block, in the order of the forward pass, with its {count} experts")
    figure.colorbar(drawn, ax=panels, label="weight, mean of two scenes")
    save(figure, path)


MAKERS = {"plan": plan, "experts": experts}
