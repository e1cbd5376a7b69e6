"""From the faults that the network sees to words."""

from llars.infer.diagnosis import findings
from llars.tasks import TASK_KEYS


def severities(**seen):
    return [seen.get(key, 0.0) for key in TASK_KEYS]


def test_worst_fault_comes_first_and_small_ones_are_left_out():
    found = findings(severities(haze=0.3, denoise=0.9, deblur=0.05), TASK_KEYS)
    assert [finding.task for finding in found] == ["denoise", "haze"]
    assert found[0].prompt == "strongly reduce the noise"
    assert found[1].prompt == "slightly remove the haze"


def test_wishes_and_what_the_weights_cannot_do_are_no_findings():
    assert findings(severities(sr=1.0, stretch=1.0, pansharpen=1.0, brightness=1.0), TASK_KEYS) == []
    assert findings(severities(cloud=1.0), ("denoise",)) == []


def test_severities_stay_in_range():
    (finding,) = findings(severities(destripe=1.7), TASK_KEYS)
    assert finding.severity == 1.0
