"""The playground in the browser: what it shows and serves. What it does with scenes, ``llars.infer`` does."""
