"""The algorithms of the toolbox: they turn parameters into a command line."""

from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputString,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterRasterDestination,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
)

from llars_provider.command import SETTING, Cancelled, CommandError, find_executable, run

GUIDES = {
    "pan": "Panchromatic band",
    "sar": "Radar",
    "fine_before": "Fine image of an earlier date",
    "coarse_before": "Coarse image of that date",
}
SCALES = ("as the instruction says", "2", "3", "4")


class Command(QgsProcessingAlgorithm):
    """Base of the algorithms."""

    def createInstance(self):
        """A new instance for each run."""
        return type(self)()

    def group(self):
        """No group: there are only two algorithms."""
        return ""

    def groupId(self):
        """See ``group``."""
        return ""

    def source(self, parameters, name, context):
        """Path of a raster layer, or None where none was given."""
        layer = self.parameterAsRasterLayer(parameters, name, context)
        if layer is None:
            return None
        if layer.providerType() != "gdal":
            raise QgsProcessingException(
                f"{layer.name()} comes from {layer.providerType()}, not from a raster file; save it as GeoTIFF first"
            )
        return layer.source()

    def call(self, arguments, feedback):
        """Run ``llars`` and return what it printed; None where the user stopped it."""
        try:
            executable = find_executable(ProcessingConfig.getSetting(SETTING))
            feedback.pushCommandInfo(" ".join(["llars", *arguments]))
            return run(
                [executable, *arguments],
                progress=feedback.setProgress,
                say=feedback.pushInfo,
                is_cancelled=feedback.isCanceled,
            )
        except CommandError as fault:
            raise QgsProcessingException(str(fault)) from fault
        except Cancelled:
            return None


class Restore(Command):
    """``llars restore``."""

    def name(self):
        """Part of ``llars:restore``."""
        return "restore"

    def displayName(self):
        """Name that is displayed."""
        return "Restore an image by instruction"

    def shortHelpString(self):
        """Help text beside the dialog."""
        return (
            'Says what to do in plain words: "remove the stripes, then reduce the noise slightly". Without words, what '
            "llars finds wrong is mended. The result keeps grid, data type, scale and no-data of the input."
        )

    def initAlgorithm(self, _configuration=None):
        """Parameters as in ``llars restore --help``; those that are rarely needed are advanced."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", "Image"))
        self.addParameter(QgsProcessingParameterString("PROMPT", "Instruction", "reduce the noise", optional=True))
        self.addParameter(QgsProcessingParameterRasterDestination("OUTPUT", "Restored"))
        rare = [
            QgsProcessingParameterRasterLayer(role.upper(), f"Guide: {title}", optional=True)
            for role, title in GUIDES.items()
        ]
        rare += [
            QgsProcessingParameterEnum("SCALE", "Times finer", SCALES, defaultValue=0),
            QgsProcessingParameterString("SENSOR", "Sensor (see `llars sensors`)", "", optional=True),
            QgsProcessingParameterRasterDestination(
                "UNCERTAINTY", "Standard deviation of each pixel", optional=True, createByDefault=False
            ),
        ]
        for parameter in rare:
            parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
            self.addParameter(parameter)

    def processAlgorithm(self, parameters, context, feedback):
        """Builds the command line and runs it. QGIS has already asked whether to replace a file."""
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        arguments = ["restore", self.source(parameters, "INPUT", context), output, "--overwrite"]
        prompt = self.parameterAsString(parameters, "PROMPT", context).strip()
        if prompt:
            arguments += ["-p", prompt]
        for role in GUIDES:
            guide = self.source(parameters, role.upper(), context)
            if guide is not None:
                arguments += ["--guide", f"{role}={guide}"]
        scale = self.parameterAsEnum(parameters, "SCALE", context)
        if scale:
            arguments += ["--scale", SCALES[scale]]
        sensor = self.parameterAsString(parameters, "SENSOR", context).strip()
        if sensor:
            arguments += ["--sensor", sensor]
        results = {"OUTPUT": output}
        sigma = self.parameterAsOutputLayer(parameters, "UNCERTAINTY", context)
        if sigma:
            arguments += ["--uncertainty", sigma]
            results["UNCERTAINTY"] = sigma
        return {} if self.call(arguments, feedback) is None else results


class Diagnose(Command):
    """``llars diagnose``."""

    def name(self):
        """Part of ``llars:diagnose``."""
        return "diagnose"

    def displayName(self):
        """Name that is displayed."""
        return "Diagnose an image"

    def shortHelpString(self):
        """Help text beside the dialog."""
        return "Tells which faults an image has, and the instruction that would mend each."

    def initAlgorithm(self, _configuration=None):
        """An image in, a JSON document out."""
        self.addParameter(QgsProcessingParameterRasterLayer("INPUT", "Image"))
        sensor = QgsProcessingParameterString("SENSOR", "Sensor (see `llars sensors`)", "", optional=True)
        sensor.setFlags(sensor.flags() | QgsProcessingParameterDefinition.FlagAdvanced)
        self.addParameter(sensor)
        self.addParameter(
            QgsProcessingParameterFileDestination("OUTPUT", "Findings", "JSON (*.json)", QgsProcessing.TEMPORARY_OUTPUT)
        )
        self.addOutput(QgsProcessingOutputString("FINDINGS", "Findings as JSON"))

    def processAlgorithm(self, parameters, context, feedback):
        """Builds the command line, runs it and keeps its output."""
        arguments = ["diagnose", self.source(parameters, "INPUT", context), "--json"]
        sensor = self.parameterAsString(parameters, "SENSOR", context).strip()
        if sensor:
            arguments += ["--sensor", sensor]
        found = self.call(arguments, feedback)
        if found is None:
            return {}
        feedback.pushInfo(found)
        output = self.parameterAsFileOutput(parameters, "OUTPUT", context)
        Path(output).write_text(found, encoding="utf-8")
        return {"OUTPUT": output, "FINDINGS": found}
