"""Measures of quality, masked and NaN-safe, for any number of bands."""

from llars.metrics.blind import d_lambda, d_s, enl, qnr
from llars.metrics.reference import compare, ergas, mae, psnr, q2n, rmse, sam, scc, ssim, uiqi

__all__ = [
    "compare",
    "d_lambda",
    "d_s",
    "enl",
    "ergas",
    "mae",
    "psnr",
    "q2n",
    "qnr",
    "rmse",
    "sam",
    "scc",
    "ssim",
    "uiqi",
]
