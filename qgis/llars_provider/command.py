"""Runs the ``llars`` command in its own environment. Does not depend on QGIS, so that it can be tested without."""

import os
import queue
import re
import shutil
import signal
import subprocess
import threading

SETTING = "LLARS_EXECUTABLE"

DONE = re.compile(r"llars: (\d+) of (\d+) done")

POLL_S = 0.1
PATIENCE_S = 10.0
"""Seconds that the command has to clean up after an interrupt, before it is killed."""

FOREIGN = ("PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "GDAL_DATA", "GDAL_DRIVER_PATH", "PROJ_LIB", "PROJ_DATA")
"""Variables that QGIS sets for its own Python and GDAL, and that would break those of llars."""


class CommandError(Exception):
    """The command cannot be started, or ended with an error."""


class Cancelled(Exception):
    """The user cancelled the run."""


def find_executable(configured):
    """Path of ``llars``: the configured one, or that on the path.

    Raises:
        CommandError: there is none.
    """
    wanted = configured or "llars"
    found = shutil.which(wanted)
    if found is None:
        raise CommandError(
            f"there is no executable {wanted!r}; install llars, and name its executable in Settings > Options > "
            "Processing > Providers > llars"
        )
    return found


def run(arguments, *, progress, say, is_cancelled):
    """Run a command line to its end and return what it wrote to standard output.

    Args:
        arguments: the executable and its arguments.
        progress: called with the percentage done, 0 to 100.
        say: called with each line of notes.
        is_cancelled: asked ten times a second.

    Raises:
        CommandError: it ended with an error; the message is llars's own.
        Cancelled: it was asked to stop, and has.
    """
    process = _started(arguments)
    lines, output = queue.Queue(), []
    readers = [
        threading.Thread(target=_drain, args=(process.stderr, lines.put), daemon=True),
        threading.Thread(target=_drain, args=(process.stdout, output.append), daemon=True),
    ]
    for reader in readers:
        reader.start()
    last = ""
    while process.poll() is None or readers[0].is_alive() or not lines.empty():
        if is_cancelled():
            _stop(process)
            raise Cancelled
        try:
            line = lines.get(timeout=POLL_S).rstrip()
        except queue.Empty:
            continue
        step = DONE.fullmatch(line)
        if step:
            progress(100.0 * int(step[1]) / max(int(step[2]), 1))
        elif line:
            last = line
            say(line)
    readers[1].join()
    if process.returncode != 0:
        raise CommandError(last or f"llars ended with exit code {process.returncode}")
    return "".join(output)


def _started(arguments):
    environment = {name: value for name, value in os.environ.items() if name not in FOREIGN}
    options = {}
    if os.name == "nt":
        # No console window, and a process group of its own, so that it alone can be interrupted.
        options["creationflags"] = subprocess.CREATE_NO_WINDOW | subprocess.CREATE_NEW_PROCESS_GROUP
    try:
        return subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**environment, "LLARS_PROGRESS": "lines", "PYTHONIOENCODING": "utf-8"},
            encoding="utf-8",
            errors="replace",
            **options,
        )
    except OSError as fault:
        raise CommandError(f"{arguments[0]} cannot be started: {fault}") from fault


def _drain(stream, take):
    with stream:
        for line in stream:
            take(line)


def _stop(process):
    """Interrupt the process, so that llars leaves nothing half written; kill it if it does not end."""
    process.send_signal(signal.CTRL_BREAK_EVENT if os.name == "nt" else signal.SIGINT)
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
