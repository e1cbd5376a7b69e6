"""A session of QGIS without a window, for test_qgis.py: two scenes in a batch, then one that is cancelled.

python3 session.py EXECUTABLE INPUT FOLDER writes told.json into the folder. The executable is the provider's setting.
"""

import json
import sys
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
)

executable, source, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
application = QgsApplication([], False)
application.initQgis()
sys.path += ["/usr/share/qgis/python/plugins", str(Path(__file__).parents[2] / "qgis")]

from llars_provider import classFactory  # noqa: E402 (QGIS must be up before)
from processing.core.Processing import Processing  # noqa: E402
from processing.core.ProcessingConfig import ProcessingConfig  # noqa: E402

Processing.initialize()
plugin = classFactory(None)
plugin.initProcessing()
ProcessingConfig.setSettingValue("LLARS_EXECUTABLE", executable)
algorithm = QgsApplication.processingRegistry().algorithmById("llars:restore")


class Listener(QgsProcessingFeedback):
    """Keeps what it is told; has enough at the first sign of life where asked to."""

    def __init__(self, impatient):
        super().__init__(False)
        self.impatient = impatient

    def pushCommandInfo(self, info):
        """The command is about to start."""
        super().pushCommandInfo(info)
        if self.impatient:
            self.cancel()


def restore(name, impatient=False):
    """Run the algorithm once, as each line of a batch does; the results, and how far the progress came."""
    feedback = Listener(impatient)
    parameters = {"INPUT": source, "PROMPT": "brighten the image", "OUTPUT": str(folder / name)}
    results, _ = algorithm.run(parameters, QgsProcessingContext(), feedback)
    return {"results": results, "progress": feedback.progress()}


told = {
    "batch": bool(algorithm.flags() & QgsProcessingAlgorithm.FlagSupportsBatch),
    "done": [restore(name) for name in ("one.tif", "two.tif")],
    "cancelled": restore("three.tif", impatient=True),
}
(folder / "told.json").write_text(json.dumps(told), encoding="utf-8")
plugin.unload()
application.exitQgis()
