"""The plugin that QGIS loads and unloads."""

from qgis.core import QgsApplication

from llars_provider.provider import Provider


class Plugin:
    """Adds the provider to the registry, and removes it again."""

    def __init__(self):
        self.provider = None

    def initProcessing(self):
        """Called directly where there is no window, as in ``qgis_process``."""
        self.provider = Provider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        """Called where there is a window."""
        self.initProcessing()

    def unload(self):
        """Called when the plugin is switched off."""
        QgsApplication.processingRegistry().removeProvider(self.provider)
