"""Classical methods to compare with: functions from arrays to arrays, given side information that llars must estimate.

Images are ``(band, y, x)`` float32 in unit values without gaps, unless a function says otherwise. The libraries belong
to the extra ``bench``. Results are cached by the source of the module that made them, and of those that it imports:
changing one module leaves the results of the others valid.
"""
