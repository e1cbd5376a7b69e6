"""Quality metrics for any number of bands; masks and NaN are respected."""

from llars.metrics.blind import d_lambda, d_lambda_k, d_s, enl, hqnr, qnr
from llars.metrics.colour import colour_error
from llars.metrics.multiscale import ms_ssim
from llars.metrics.reference import (
    compare,
    edge_preservation,
    ergas,
    mae,
    psnr,
    q2n,
    rmse,
    sam,
    scc,
    ssim,
    uiqi,
)

__all__ = [
    "colour_error",
    "compare",
    "d_lambda",
    "d_lambda_k",
    "d_s",
    "edge_preservation",
    "enl",
    "ergas",
    "hqnr",
    "mae",
    "ms_ssim",
    "psnr",
    "q2n",
    "qnr",
    "rmse",
    "sam",
    "scc",
    "ssim",
    "uiqi",
]
