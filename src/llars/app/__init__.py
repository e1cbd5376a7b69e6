"""The playground in the browser: what it shows and serves. The work on scenes is done by ``llars.infer``."""
