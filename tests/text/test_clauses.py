"""Facts about how instructions fall into clauses, with a reader that knows a few words and counts them."""

from dataclasses import dataclass

import pytest

from llars.text.clauses import clauses, cut, is_courtesy, is_other_work, parts

WORDS = {
    "nois": "denoise", "grain": "denoise", "speckl": "denoise", "sharpen": "deblur", "blur": "deblur",
    "stripe": "destripe", "striping": "destripe", "haze": "haze", "resolution": "sr", "cloud": "cloud",
    "radar": "cloud_sar", "bright": "brightness",
}  # fmt: skip


@dataclass(frozen=True)
class Heard:
    task: str
    probability: float
    compound: float


def hear(text: str) -> Heard:
    found = list(dict.fromkeys(task for word, task in WORDS.items() if word in text.lower()))
    if "cloud_sar" in found:
        found = ["cloud_sar"]
    return Heard(found[0] if found else "none", 0.9, float(len(found) > 1))


@pytest.mark.parametrize(
    ("text", "tasks"),
    [
        ("remove the noise", "denoise"),
        ("remove the stripes, then the noise", "destripe denoise"),
        ("denoise and sharpen", "denoise deblur"),
        ("first remove the haze, after that double the resolution", "haze sr"),
        ("sharpen it after you have removed the noise", "denoise deblur"),
        ("after denoising, sharpen", "denoise deblur"),
        ("denoise before sharpening", "denoise deblur"),
        ("before you sharpen, take out the striping", "destripe deblur"),
        ("sharpen, but first remove the noise", "denoise deblur"),
        ("sharpen. Before that, denoise.", "denoise deblur"),
        ("1) denoise 2) sharpen 3) dehaze it, the haze is bad", "denoise deblur haze"),
        ("step 1: denoise, step 2: sharpen", "denoise deblur"),
        ("stripes; haze\nnoise", "destripe haze denoise"),
        ("denoise + sharpen", "denoise deblur"),
        ("sharpen it, but denoise first", "denoise deblur"),
        ("sharpen, but only after denoising", "denoise deblur"),
        ("when the noise is gone, sharpen", "denoise deblur"),
        ("noise reduction along with sharpening", "denoise deblur"),
        ("a) denoise b) sharpen", "denoise deblur"),
        ("as the first step denoise, as the second sharpen", "denoise deblur"),
        ("noise, stripes and blur", "denoise destripe deblur"),
        ("denoise followed by sharpening, then haze removal", "denoise deblur haze"),
        ("denoise, sharpen, denoise", "denoise deblur denoise"),
        ("use the radar to see through the clouds and the haze", "cloud_sar"),
        ("brighten and lift the shadows, brightness matters", "brightness"),
        ("remove the grain and the speckle and sharpen and save it", "denoise deblur"),
        ("sharpen, but not until the noise is gone", "denoise deblur"),
        ("sharpening, never before denoising", "denoise deblur"),
        ("don't sharpen until you have removed the noise", "denoise deblur"),
        ("no sharpening before denoising", "denoise deblur"),
        ("wait with sharpening till the noise is gone", "denoise deblur"),
        ("to begin with denoise, and once you're through sharpen", "denoise deblur"),
        ("please denoise. When you're finished, sharpen.", "denoise deblur"),
        ("once you're through with the noise, sharpen", "denoise deblur"),
        ("denoise; that done, sharpen", "denoise deblur"),
        ("sharpen, though denoise before", "denoise deblur"),
        ("noise, stripes and blur. Please repair.", "denoise destripe deblur"),
        ("sharpen it when the noise has been taken out", "denoise deblur"),
        ("noise reduction precedes sharpening here", "denoise deblur"),
        ("sharpening follows denoising", "denoise deblur"),
        ("sharpening is preceded by noise removal", "denoise deblur"),
        ("there is haze and there is noise. Treat the noise first, the haze second.", "denoise haze"),
    ],
)
def test_clauses_in_order(text: str, tasks: str) -> None:
    assert " ".join(clause.reading.task for clause in clauses(text, hear)) == tasks


def test_a_bare_fault_takes_the_verb_before_it() -> None:
    assert cut("get rid of the stripes, then the noise") == ["get rid of the stripes", "get rid of the noise"]
    assert cut("reduce the noise, the stripes and the blur")[1:] == ["reduce the stripes", "reduce the blur"]


def test_the_words_of_a_single_request_stay_whole() -> None:
    text = "get rid of the clouds and their shadows, please"
    (clause,) = clauses(text, hear)
    assert clause.text == text


def test_parts_keep_what_asks_for_nothing_beside_a_request() -> None:
    text = "denoise and sharpen, then rotate it"
    assert [(part.text, part.reading.task) for part in parts(text, hear)] == [
        ("denoise", "denoise"),
        ("sharpen", "deblur"),
        ("rotate it", "none"),
    ]
    assert [clause.text for clause in clauses(text, hear)] == ["denoise", "sharpen"]


@dataclass(frozen=True)
class Unsure:
    """Reads known words alone, and takes several of them together for nothing; ``compound`` as it is told."""

    sure: float
    compound: float

    def __call__(self, text: str) -> Heard:
        found = hear(text)
        if not found.compound:
            return Heard(found.task, self.sure, 0.0)
        return Heard("none" if self.compound < 0.5 else found.task, 0.9, self.compound)


def test_terse_requests_that_look_like_nothing_are_cut_where_every_piece_makes_sense() -> None:
    assert [c.text for c in clauses("sharpen and denoise the noise", Unsure(0.9, 0.1))] == [
        "sharpen",
        "denoise the noise",
    ]
    (whole,) = clauses("sharpen and denoise the noise", Unsure(0.4, 0.1))
    assert whole.reading.task == "none"


def test_a_whole_that_is_read_better_than_its_pieces_stays_whole() -> None:
    (whole,) = clauses("sharpen, noise and stripes", Unsure(0.3, 0.6))
    assert whole.text == "sharpen, noise and stripes"
    assert len(clauses("sharpen, noise and stripes", Unsure(0.9, 0.6))) == 3


def test_what_means_nothing_comes_back_as_one_clause() -> None:
    (clause,) = clauses("cook, then wash up", hear)
    assert clause.reading.task == "none"


@pytest.mark.parametrize("text", ["thanks", "Please fix it!", "can you take it away?", "in that order", "save it"])
def test_courtesy_asks_for_nothing_of_its_own(text: str) -> None:
    assert is_courtesy(text)
    assert cut(f"sharpen, {text}") == ["sharpen"]


@pytest.mark.parametrize("text", ["sharpen", "remove the noise", "email it to bob", "make it sharp", "take it to Rome"])
def test_what_asks_for_something_is_no_courtesy(text: str) -> None:
    assert not is_courtesy(text)


def test_other_work_is_told_by_its_verb() -> None:
    assert all(is_other_work(text) for text in ("email it to bob", "please crop it", "Count the ships", "e-mail it"))
    assert not any(is_other_work(text) for text in ("denoise", "would you?", "the emails", "so I can print it"))
