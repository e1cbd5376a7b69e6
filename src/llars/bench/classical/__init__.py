"""The best that is known without learning: functions from arrays to arrays, told what llars has to find out.

Images are ``(band, y, x)`` float32 in unit values without gaps, unless a function says otherwise. The libraries belong
to the extra ``bench``. Results are cached by the source of the module that made them, and of those that it imports: a
change of one method leaves those of the others valid.
"""
