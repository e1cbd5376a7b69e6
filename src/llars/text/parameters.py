"""Parameters and methods by name ("sigma 10", "CLAHE", "Lee filter"), which no step takes."""

from __future__ import annotations

import re

__all__ = ["method_in", "parameter_in"]

_NUMBER = r"[-−]?(?:\d+(?:[.,]\d+)?|[.,]\d+)(?:e-?\d+)?"
_NAME = (
    r"(?:sigmas?|σ|std|standard deviation|variance|radius|window(?: size)?|kernel(?: size)?|clip(?:ping)?[ _-]?limit"
    r"|iterations?|thresholds?|amount|gamma|lambda|alpha|beta|omega|epsilon|eps|psf|fwhm|block[ _-]?size|tile[ _-]?size"
    r"|grid[ _-]?size|patch(?: size)?|cut-?off|order|damping|looks?|levels?|bins?|weight|snr|psnr)"
)
_KERNEL = r"(?:kernel|window|filter|median|mean|gaussian|lee|box)"
_PARAMETER = re.compile(
    rf"(?<![\w.])(?:{_NAME}(?:\s+of)?\s*[=:]?\s*{_NUMBER}(?:\s*(?:px|pixels?|%|m)\b)?"
    rf"|{_NUMBER}[ -](?:iterations?|looks?|bins|levels|px radius|pixels? radius)\b"
    rf"|(?<![\d.,] )\d{{1,2}}\s*[x×]\s*\d{{1,2}}(?=\s*(?:$|[,.;)]|\w*\s*{_KERNEL})))",
    re.IGNORECASE,
)

_CLOUD_METHODS = "s2cloudless fmask tmask mnspi nspi median.composit\\w+ spa-?gan uncrtaints"
_METHODS = {
    "cloud": _CLOUD_METHODS,
    "cloud_sar": _CLOUD_METHODS,
    "haze": "dark.channel(?:.prior)? dcp dos1? dark.object.subtraction flaash quac 6sv? sen2cor atcor lasrc ledaps "
    "acolite",
    "denoise": "bm[34]d nl-?m(?:eans)? non-?.?local(?:.means)? (?:(?:refined|enhanced).)?(?:lee|frost|kuan)(?:.sigma)? "
    "gamma.map (?:adaptive.)?median bilateral wiener wavelets? anisotropic.diffusion perona-?.?malik srad "
    "total.variation dncnn gaussian.(?:filter\\w*|smoothing|blur) box-?car mnf savitzky-golay multi-?look\\w*",
    "deblur": "richardson.lucy lucy.richardson wiener unsharp.mask\\w* usm laplacian tikhonov landweber van.cittert "
    "inverse.filter\\w* high-?pass blind.deconvolution total.variation",
    "destripe": "moment.matching notch.filter\\w* wavelet-(?:fft|fourier) histogram.matching flat-?.?field\\w*",
    "sr": "bicubic bilinear nearest(?:.neighbou?r)? lanczos cubic.convolution (?:real-)?esrgan srgan edsr rcan srcnn "
    "swinir dsen2",
    "pansharpen": "brovey ihs hsv gram.schmidt pca gsa? mtf-glp a.?trous wavelets? pansharp2 hcs ehlers",
    "stf": "e?starfm fsdaf fit-fc sfsdaf vipstf istarfm",
    "equalize": "clahe contrast.limited(?:.adaptive)? adaptive adapthist bbhe dsihe local(?:ly)? "
    "histogram.(?:matching|specification)",
    "stretch": "gamma square.root sqrt log(?:arithmic)? decorrelation gaussian piecewise sigmoid(?:al)? equal.area",
}
"""Patterns of names, apart by spaces; a dot in a name stands for the space or hyphen in it."""

_COMPILED = {
    task: re.compile(rf"(?<![\w-])(?:{'|'.join(names.split()).replace('.', '[ -]')})(?![\w-])", re.IGNORECASE)
    for task, names in _METHODS.items()
}


def parameter_in(text: str) -> str | None:
    """The first parameter that the text gives a value: "sigma=0.05", "3x3"; None if it gives none."""
    found = _PARAMETER.search(text)
    return found[0].strip() if found else None


def method_in(task: str, text: str) -> str | None:
    """The first method, or variant, that a request for ``task`` names: "Lee", "CLAHE"; None if it names none."""
    found = _COMPILED[task].search(text) if task in _COMPILED else None
    return found[0] if found else None
