"""Plugin for QGIS: llars among the algorithms of the Processing toolbox."""


def classFactory(_interface):
    """The plugin; QGIS calls this when it loads it, with or without a window."""
    from llars_provider.plugin import Plugin

    return Plugin()
