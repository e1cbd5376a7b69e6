"""The network row by row gives what it gives at once, and holds no more for a longer image."""

import pytest
import torch

from llars.infer.tiling.rolling import Rolling
from llars.model.align import describe
from llars.model.normalise import Statistics
from llars.sensors import get_sensor

BANDS = get_sensor("sentinel2-l2a").bands[:3]


@pytest.fixture(scope="module")
def dense(random_network):
    """Two targets, a guide, and the residuals of the targets."""
    generator = torch.Generator().manual_seed(1)
    statistics = Statistics(torch.full((1, 3), 0.2), torch.full((1, 3), 0.1))
    windows = torch.randn(1, 4, 5, 64, 64, generator=generator)
    words = torch.nn.functional.normalize(torch.randn(1, 384, generator=generator), dim=-1)
    with torch.inference_mode():
        conditions = random_network.condition(windows, describe([BANDS]), statistics, words, targets=2)
        return random_network.fold(conditions, uncertainty=True)


@pytest.fixture(scope="module")
def image():
    return torch.randn(1, 5, 176, 48, generator=torch.Generator().manual_seed(2))


@pytest.mark.parametrize("rows", [16, 48, 176])
def test_rows_one_after_the_other_give_the_whole(dense, image, rows):
    rolling = Rolling(dense)
    with torch.inference_mode():
        whole = dense(image)
        done = [part for at in range(0, 176, rows) for part in rolling(image[..., at : at + rows, :], at + rows >= 176)]
    # Sums of float32 in another order.
    torch.testing.assert_close(torch.cat([part.image for part in done], 2), whole.image, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(torch.cat([part.log_scale for part in done], 2), whole.log_scale, atol=1e-5, rtol=1e-5)


def test_whoever_begins_further_down_gets_the_same_bits(dense, image, random_network):
    image = image.repeat(1, 1, 3, 1)

    def rolled(top):
        rolling, rows = Rolling(dense), []
        for at in range(top, 528, 16):
            with torch.inference_mode():
                rows += [output.image for output in rolling(image[..., at : at + 16, :], at + 16 == 528)]
        return torch.cat(rows, 2)

    begun = 528 - 16 * 12
    first = begun + random_network.halo
    assert torch.equal(rolled(begun)[..., first - begun :, :], rolled(0)[..., first:, :])
