"""What tests of several packages share: a small real scene, small weights that were never trained, the commands."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings
from tests.commands import Result

from llars import cli

# No test measures time: a loaded machine must not fail one.
settings.register_profile("llars", deadline=None)
settings.load_profile("llars")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def example() -> Path:
    """The scene that ships with the repository: Sentinel-2, ten bands, 384 x 230."""
    return REPOSITORY / "examples" / "sentinel2_aberystwyth.tif"


@pytest.fixture(scope="session")
def small_scene(example: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corner of the example, 48 x 40 pixels, with all that the file says of itself."""
    import rasterio
    from rasterio.windows import Window

    path = tmp_path_factory.mktemp("scenes") / "small.tif"
    window = Window(0, 0, 40, 48)
    with rasterio.open(example) as source:
        profile = {**source.profile, "width": 40, "height": 48, "transform": source.window_transform(window)}
        with rasterio.open(path, "w", **profile) as target:
            target.write(source.read(window=window))
            target.descriptions, target.scales, target.offsets = source.descriptions, source.scales, source.offsets
            target.update_tags(**source.tags())
            for index in source.indexes:
                target.update_tags(index, ns="IMAGERY", **source.tags(index, ns="IMAGERY"))
    return path


@pytest.fixture(scope="session")
def tiny_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of the smallest network, untrained: for facts that hold whatever was learned."""
    return untrained(tmp_path_factory, ("denoise", "deblur", "destripe", "haze", "sr", "brightness"))


@pytest.fixture(scope="session")
def fusing_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same for tasks that need guides."""
    return untrained(tmp_path_factory, ("cloud", "cloud_sar", "pansharpen", "stf"))


def untrained(factory: pytest.TempPathFactory, tasks: tuple[str, ...]) -> Path:
    import torch

    from llars.model.config import preset
    from llars.model.network import Network
    from llars.weights.registry import save_weights

    torch.manual_seed(0)
    config = preset("llars-tiny")
    path = factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, Network(config).state_dict(), config, tasks)
    return path


@pytest.fixture
def llars(capfd: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Runs a command in this process and returns its exit code and what it wrote, libraries included."""

    def call(*arguments: object) -> Result:
        capfd.readouterr()
        code = cli.run([str(argument) for argument in arguments])
        return Result(code, *capfd.readouterr())

    return call
