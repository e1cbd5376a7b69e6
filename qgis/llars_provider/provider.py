"""The provider: its name, its algorithms, its one setting."""

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsProcessingProvider

from llars_provider.algorithms import Diagnose, Restore
from llars_provider.command import SETTING


class Provider(QgsProcessingProvider):
    """llars in the toolbox."""

    def id(self):
        """Part of the algorithms' names: ``llars:restore``."""
        return "llars"

    def name(self):
        """Name that is displayed."""
        return "llars"

    def longName(self):
        """Long name that is displayed."""
        return "llars: satellite images restored by instruction"

    def load(self):
        """Adds the setting, then the algorithms."""
        ProcessingConfig.settingIcons["llars"] = self.icon()
        ProcessingConfig.addSetting(
            Setting("llars", SETTING, "Executable of llars (empty: the one on the path)", "", valuetype=Setting.FILE)
        )
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self):
        """Removes the setting."""
        ProcessingConfig.removeSetting(SETTING)

    def loadAlgorithms(self):
        """Called by ``refreshAlgorithms``."""
        for algorithm in (Restore(), Diagnose()):
            self.addAlgorithm(algorithm)
