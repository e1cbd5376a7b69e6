"""`llars serve`, the command."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from tests.commands import assert_mistake

SOURCE = Path(__file__).parents[2] / "src"


def test_a_port_that_is_taken_is_a_mistake_of_one_line(llars):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert_mistake(llars("serve", "--port", taken.getsockname()[1]), says="choose another --port")


def test_without_gradio_it_says_what_to_install(llars, tiny_weights, monkeypatch):
    monkeypatch.setitem(sys.modules, "gradio", None)
    assert_mistake(llars("serve", "--port", 0, "--model", tiny_weights), says="pip install 'llars[app]'")


@pytest.mark.skipif(os.name == "nt", reason="ends by a signal")
def test_it_serves_asks_strangers_for_a_token_and_leaves_nothing(tiny_weights, tmp_path):
    pytest.importorskip("gradio", reason="needs the extra app")
    command = [sys.executable, "-m", "llars", "serve", "--host", "0.0.0.0", "--port", "0", "--model", str(tiny_weights)]
    scratch = {"TMPDIR": str(tmp_path), "PYTHONPATH": str(SOURCE)}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **scratch}) as served:
        try:
            said = served.stderr.readline()
            port, token = re.search(r"http://0\.0\.0\.0:(\d+)/\?token=(\S+)", said).groups()
            assert len(token) >= 20
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=20)
            assert any(tmp_path.iterdir())
        finally:
            served.send_signal(signal.SIGTERM)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("llars")], tempfile.gettempdir()
