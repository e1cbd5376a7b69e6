"""What every request passes."""

import asyncio

import pytest

from llars.app.access import AccessControl

TOKEN = "open sesame"


def ask(gate, path="/", method="GET", query="", **headers):
    """Status, headers and text of an answer."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    given = {"host": "127.0.0.1:7860", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(gate(scope, receive, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, b"".join(part.get("body", b"") for part in sent[1:]).decode()


async def inner(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"welcome"})


@pytest.fixture
def guarded():
    return AccessControl(inner, TOKEN, 1_000_000, local=False)


@pytest.fixture
def open_gate():
    return AccessControl(inner, None, 1_000_000, local=True)


def test_without_a_token_nobody_comes_in(guarded):
    status, _, text = ask(guarded)
    assert status == 401
    assert "welcome" not in text
    assert "token" in text


def test_a_wrong_token_is_told_so(guarded):
    status, _, text = ask(guarded, query="token=open+barley")
    assert (status, "not the token" in text) == (401, True)


def test_the_right_token_becomes_a_cookie_and_leaves_the_address(guarded):
    status, headers, _ = ask(guarded, query="token=open+sesame&a=1")
    assert (status, headers["location"]) == (303, "/?a=1")
    assert "HttpOnly" in headers["set-cookie"]
    status, _, text = ask(guarded, cookie=headers["set-cookie"].split(";")[0])
    assert (status, text) == (200, "welcome")


def test_cookies_of_other_servers_on_the_machine_do_no_harm(guarded, open_gate):
    assert ask(open_gate, cookie="a/b=1")[0] == 200
    assert ask(guarded, cookie="a/b=1")[0] == 401
    assert ask(guarded, cookie="llars_token=\u00e9")[0] == 401
    own = ask(guarded, query="token=open+sesame")[1]["set-cookie"].split(";")[0]
    assert ask(guarded, cookie=f"a/b=1; {own}; c")[0] == 200


def test_a_redirect_stays_on_this_server(guarded):
    _, headers, _ = ask(guarded, path="//elsewhere.example/", query="token=open+sesame")
    assert headers["location"].startswith("/elsewhere") or not headers["location"].startswith("//")


def test_pages_may_load_from_here_alone(open_gate):
    _, headers, _ = ask(open_gate)
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "http" not in headers["content-security-policy"]


def test_too_long_a_request_is_refused_before_it_is_read(open_gate):
    status, _, text = ask(open_gate, "/gradio_api/upload", "POST", content_length="500000000")
    assert status == 413
    assert "up to 1 MB" in text
    assert ask(open_gate, "/gradio_api/upload", "POST")[0] == 411
    assert ask(open_gate, "/gradio_api/upload", "POST", content_length="5000")[0] == 200


def test_a_local_playground_answers_to_local_names_alone(open_gate):
    assert ask(open_gate, host="evil.example:7860")[0] == 421
    assert ask(open_gate, host="localhost:7860")[0] == 200


def dial(token=None, local=False, kind="websocket", **headers):
    """What is sent when a connection of that kind is asked for, and what came through."""
    sent, through = [], []

    async def send(message):
        sent.append(message)

    async def application(scope, receive, send):
        through.append(scope["type"])

    given = {"host": "127.0.0.1:7860", **headers}
    scope = {
        "type": kind,
        "path": "/",
        "query_string": b"",
        "headers": [(n.encode(), v.encode()) for n, v in given.items()],
    }
    asyncio.run(AccessControl(application, token, 1_000_000, local)(scope, None, send))
    return sent, through


REFUSED = [{"type": "websocket.close", "code": 1008}]


def test_a_websocket_passes_the_same_checks(guarded):
    assert dial(TOKEN) == (REFUSED, [])
    assert dial(TOKEN, cookie="llars_token=wrong") == (REFUSED, [])
    assert dial(local=True, host="evil.example:7860") == (REFUSED, [])
    cookie = ask(guarded, query="token=open+sesame")[1]["set-cookie"].split(";")[0]
    assert dial(TOKEN, cookie=cookie) == ([], ["websocket"])
    assert dial(local=True) == ([], ["websocket"])


def test_only_the_start_and_the_end_of_the_server_pass_unchecked():
    assert dial(TOKEN, kind="lifespan") == ([], ["lifespan"])
    with pytest.raises(ValueError, match="'webtransport', expected http, websocket or lifespan"):
        dial(TOKEN, kind="webtransport")
