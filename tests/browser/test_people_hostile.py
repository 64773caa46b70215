"""Forty and more hostile requests to a server that people share: each is refused, and nothing is told or done."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from websockets.exceptions import ConnectionClosed

from explorer.training import open_manager
from tests.browser.by_hand import USER_COOKIE, XSRF_COOKIE, Visit, ask, find_xsrf, signed_cookie, user_of
from tests.browser.helpers import Server
from tests.browser.signing_in import IDS, SECRET, person_of
from tests.sizes import first, thorough

SIGN_IN = "sign_in_default"
"""The key of the button on the screen of whoever is not signed in."""
THEIRS = ("private run of Ann", "Secret cats of Ann", "Traceback", SECRET, "ann@example.org")
"""What no answer to somebody else may hold."""


@pytest.fixture(autouse=True)
def nothing_was_told_or_done(shared: Server):
    """Ann's run is as it was, hers alone, and the server lives and has logged no error of ours."""
    before = len(shared.log)
    yield
    run = open_manager(shared.home).store.get(IDS["private"])
    ann = person_of(shared.home, "ann")
    assert (run.name, run.status, run.owner, run.shared) == ("private run of Ann", "stopped", ann.id, False)
    assert ask(shared, "GET", "/_stcore/health")[0] == 200
    assert "Uncaught app" not in shared.log[before:]


def assert_tells_nothing(text: str) -> None:
    for each in THEIRS:
        assert each not in text


# ---- handshakes -----------------------------------------------------------------------------------------------------

HANDSHAKES: dict[str, tuple[str | None, str | None]] = {
    "foreign origin": ("http://evil.example", None),
    "foreign host": (None, "evil.example"),
    "foreign host with our port": (None, "evil.example:{port}"),
    "no origin that a page has": ("null", None),
    "our name before an at sign": ("http://127.0.0.1:{port}@evil.example", None),
    "our name as a part of another": ("http://127.0.0.1.evil.example:{port}", None),
    "a host with a user": (None, "evil@127.0.0.1:{port}"),
    "a host with a path": (None, "127.0.0.1/evil"),
    "an origin of files": ("file://", None),
}


@pytest.mark.parametrize("name", HANDSHAKES)
def test_a_foreign_handshake_is_refused(shared: Server, name: str) -> None:
    port = shared.url.rpartition(":")[2]
    origin, host = (each and each.format(port=port) for each in HANDSHAKES[name])
    token = find_xsrf(shared)
    status, said, _ = ask(shared, "GET", "/_stcore/stream", {
        "Host": host or f"127.0.0.1:{port}", "Origin": origin or shared.url, "Upgrade": "websocket",
        "Connection": "Upgrade", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Protocol": f"streamlit, {token}",
        "Cookie": f"{XSRF_COOKIE}={token}; {USER_COOKIE}={signed_cookie(user_of(shared, 'ann'))}",
    })  # fmt: skip
    assert status in (400, 403)
    assert_tells_nothing(said)


# ---- who is not signed in -------------------------------------------------------------------------------------------


def token(header: dict[str, str], claims: object, key: bytes = b"") -> str:
    """A JSON web token, signed by a key, or by nothing."""
    parts = [base64.urlsafe_b64encode(json.dumps(each).encode()).rstrip(b"=") for each in (header, claims)]
    signature = hmac.new(key, b".".join(parts), hashlib.sha256).digest() if key else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def altered(cookie: str) -> str:
    """The same cookie with other content under the old signature."""
    middle = len(cookie) // 3
    return f"{cookie[:middle]}{'A' if cookie[middle] != 'A' else 'B'}{cookie[middle + 1 :]}"


OLD = 400 * 86400
COOKIES: dict[str, Callable[[Server], str]] = {
    "none": lambda server: "",
    "another secret": lambda server: signed_cookie(user_of(server, "ann"), "f" * 64),
    "an empty secret": lambda server: signed_cookie(user_of(server, "ann"), ""),
    "a cut signature": lambda server: signed_cookie(user_of(server, "ann"))[:-5],
    "altered content": lambda server: altered(signed_cookie(user_of(server, "bob"))),
    "a token without algorithm": lambda server: token({"alg": "none"}, user_of(server, "ann")),
    "a token by a known key": lambda server: token({"alg": "HS256"}, user_of(server, "ann"), b"secret"),
    "plain JSON": lambda server: base64.b64encode(json.dumps(user_of(server, "ann")).encode()).decode(),
    "signed for another cookie": lambda server: signed_cookie(user_of(server, "ann"), name="_streamlit_user_tokens"),
    "parts without a count": lambda server: "chunks-100000000",
    "over": lambda server: signed_cookie(user_of(server, "ann", iat=time.time() - OLD, exp=time.time() - OLD + 60)),
    "of another server": lambda server: signed_cookie(user_of(server, "ann", origin="http://other.example")),
    "signed out": lambda server: signed_cookie(user_of(server, "ann", is_logged_in=False)),
    "signed in, it says": lambda server: signed_cookie(user_of(server, "ann", is_logged_in="yes")),
    "without a subject": lambda server: signed_cookie(user_of(server, "ann", sub=None)),
    "without an issuer": lambda server: signed_cookie(user_of(server, "ann", iss=None)),
    "without an end": lambda server: signed_cookie(user_of(server, "ann", exp=None)),
    "no object": lambda server: signed_cookie("ann"),
}


@pytest.mark.parametrize("name", first(10, COOKIES))
def test_a_forged_cookie_leads_to_the_sign_in(shared: Server, name: str) -> None:
    with Visit(shared, COOKIES[name](shared)) as visit:
        said = visit.run("train", f"run={IDS['private']}")
    assert SIGN_IN in said
    assert_tells_nothing(said)


@pytest.mark.parametrize("name", ["no token", "another's token", "no origin", "headers that name somebody"])
def test_a_stolen_cookie_alone_is_not_enough(shared: Server, name: str) -> None:
    """A page elsewhere has the browser send it, and cannot read the token; a proxy's headers are not ours."""
    cookie = signed_cookie(user_of(shared, "ann"))
    ways = {
        "no token": {"cookie": cookie, "xsrf": ""},
        "another's token": {"cookie": cookie, "xsrf_cookie": find_xsrf(shared), "xsrf": find_xsrf(shared)[:-8]},
        "no origin": {"cookie": cookie, "origin": None},
        "headers that name somebody": {"headers": {
            "X-Forwarded-User": "ann", "X-Forwarded-Email": "eve@example.org", "X-Streamlit-User": "eve@example.org",
            "Streamlit-User-Id": "ann", "Authorization": "Bearer ann",
        }},
    }  # fmt: skip
    with Visit(shared, **ways[name]) as visit:  # type: ignore[arg-type]
        said = visit.run("train", f"run={IDS['private']}")
    assert SIGN_IN in said
    assert_tells_nothing(said)


# ---- somebody else, signed in ---------------------------------------------------------------------------------------

LINKS: dict[str, tuple[str, str]] = {
    "a run": ("train", "run={run}"),
    "a run among others": ("train", "run={run},{run},{shared}"),
    "a path for a run": ("train", "run=../../home/runs/{run}"),
    "a path in other letters": ("train", "run=..%2f..%2f{run}&view=..%2f"),
    "a model": ("inspect", "model={run}"),
    "a checkpoint": ("inspect", "model={run}@best&second={run}@0"),
    "a path for a model": ("inspect", "model=../runs/{run}/checkpoints"),
    "weights of a path": ("inspect", "model=googlenet:/etc/passwd"),
    "an experiment": ("ablate", "experiment={run}"),
    "a search": ("search", "search={run}"),
    "a run beside others": ("compare", "network={run}&network=googlenet"),
    "weights of a run": ("receptive_field", "net=lenet-5&weights={run}&tab=effective"),
    "test images of a data set": ("inspect", "pictures={data}:0"),
    "test images of a data set to measure with": ("receptive_field", "images={data}&tab=effective"),
    "HTML for a run": ("train", "run=<script>alert(1)</script>"),
    "a long name": ("train", "run=" + "9" * 100_000),
    "a design of a path": ("design", "net=/etc/passwd"),
}


@pytest.mark.parametrize("name", first(12, LINKS))
def test_a_link_to_what_is_not_theirs_leads_nowhere(shared: Server, name: str) -> None:
    page, query = LINKS[name]
    with Visit(shared, signed_cookie(user_of(shared, "bob"))) as visit:
        said = visit.run(page, query.format(run=IDS["private"], shared=IDS["shared"], data=IDS["data"]))
    assert SIGN_IN not in said
    assert "Bob Baker" in said
    assert_tells_nothing(said)
    assert "root:" not in said


def test_an_address_that_nobody_vouches_for_makes_no_administrator(shared: Server) -> None:
    with Visit(shared, signed_cookie(user_of(shared, "mallory"))) as visit:
        said = visit.run("train", f"run={IDS['private']}")
        assert "administrator" not in said
        assert_tells_nothing(said)
        everybody = visit.run("people")
    assert "Everybody" not in everybody
    assert_tells_nothing(everybody)


def test_forged_states_of_widgets_do_nothing(shared: Server) -> None:
    """Buttons that the page has not, a path where none may be named, and a command of a component."""
    states = WidgetStates()
    for key in ("delete", "stop", "resume", f"share_{IDS['private']}"):
        states.widgets.add(id=f"$$ID-{'0' * 32}-{key}", trigger_value=True)
    states.widgets.add(id=f"$$ID-{'0' * 32}-train_path", string_value="/etc")
    command = json.dumps({"commands": [{"open": {"run": IDS["private"], "step": 1}}]})
    states.widgets.add(id=f"$$ID-{'0' * 32}-curves", json_value=command)
    with Visit(shared, signed_cookie(user_of(shared, "bob"))) as visit:
        visit.run("train", f"run={IDS['shared']}")
        said = visit.run("train", f"run={IDS['private']}", states)
    assert_tells_nothing(said)
    assert "/etc" not in said


def test_somebody_else_s_session_is_not_taken_over(shared: Server) -> None:
    with Visit(shared, signed_cookie(user_of(shared, "ann"))) as ann:
        said = ann.run("train", f"run={IDS['private']}")  # what the others must not be told is told here
        assert "private run of Ann" in said
        assert "Secret cats of Ann" in said
        session = ann.session
    assert session
    with Visit(shared, signed_cookie(user_of(shared, "bob")), session=session) as bob:
        said = bob.run("train", "")
        assert bob.session != session
    assert_tells_nothing(said)


@pytest.mark.parametrize("name", ["text", "garbage", "shutdown", "too long"])
def test_what_is_no_message_ends_the_connection_at_most(shared: Server, name: str) -> None:
    message = BackMsg()
    message.debug_shutdown_runtime = True
    sent: dict[str, str | bytes] = {
        "text": "{}", "garbage": b"\xff\xfe\x00garbage", "shutdown": message.SerializeToString(),
        "too long": bytes(300_000_000),
    }  # fmt: skip
    with Visit(shared) as visit:
        visit.run()
        try:
            visit.socket.send(sent[name])
            visit.run()
        except (ConnectionClosed, TimeoutError) as error:
            assert_tells_nothing(str(error))


# ---- HTTP -----------------------------------------------------------------------------------------------------------

FILE = b'--x\r\nContent-Disposition: form-data; name="f"; filename="../../<b>.png"\r\n\r\nabc\r\n--x--\r\n'
MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}
REQUESTS: dict[str, tuple[str, str, dict[str, str], bytes | None, set[int]]] = {
    "upload without a token": ("PUT", "/_stcore/upload_file/s/f", MULTIPART, FILE, {403}),
    "upload with another's token": (
        "PUT", "/_stcore/upload_file/s/f", {**MULTIPART, "X-Xsrftoken": "2|0|0|0", "Cookie": f"{XSRF_COOKIE}=x"}, FILE,
        {403},
    ),
    "upload into no session": (
        "PUT", "/_stcore/upload_file/..%2f..%2fx/f", {**MULTIPART, "xsrf": "own"}, FILE, {400, 404},
    ),
    "upload that says it is huge": (
        "PUT", "/_stcore/upload_file/s/f", {**MULTIPART, "xsrf": "own", "Content-Length": "99999999999"}, b"",
        {400, 413},
    ),
    "deletion without a token": ("DELETE", "/_stcore/upload_file/s/f", {}, None, {403}),
    "media of somebody": ("GET", f"/media/{'0' * 56}.png", {}, None, {404}),
    "media of a path": ("GET", "/media/../../../etc/passwd", {}, None, {400, 403, 404}),
    "media of a path in other letters": ("GET", "/media/%2e%2e/%2e%2e/%2e%2e/etc/passwd", {}, None, {400, 403, 404}),
    "component of a path": ("GET", "/component/..%2f..%2f..%2fetc/passwd", {}, None, {400, 403, 404}),
    "file of a component": ("GET", "/_stcore/bidi-components/x/../../../../etc/passwd", {}, None, {400, 403, 404}),
    "static file of a path": ("GET", "/static/../../.streamlit/secrets.toml", {}, None, {400, 403, 404}),
    "secrets": ("GET", "/.streamlit/secrets.toml", {}, None, {200, 404}),
    "a share of a network": ("GET", "//evil.example/%2e%2e", {}, None, {400, 403, 404}),
    "numbers of the server": ("GET", "/_stcore/metrics", {}, None, {200, 403, 404}),
    "sign-in by a forged provider": ("GET", "/auth/login?provider=evil", {}, None, {302}),
    "sign-in by a provider that nobody signed": (
        "GET", f"/auth/login?provider={token({'alg': 'none'}, {'provider': 'default', 'exp': 9999999999})}", {}, None,
        {302},
    ),
    "a code that nobody asked for": ("GET", "/oauth2callback?state=forged&code=forged", {}, None, {302}),
    "an error with HTML": ("GET", "/oauth2callback?error=<script>alert(1)</script>", {}, None, {302}),
    "a way out to elsewhere": ("GET", "/auth/logout?next=http://evil.example", {}, None, {302}),
    "the page under a foreign name": ("GET", "/", {"Host": "evil.example"}, None, {403}),
    "numbers of the server under a foreign name": (
        "GET", "/_stcore/metrics", {"Host": "evil.example", "Origin": "http://evil.example"}, None, {403},
    ),
    "the page without a name": ("GET", "/", {"Host": ""}, None, {400, 403}),
    "media for a foreign page": ("GET", f"/media/{'0' * 56}.png", {"Origin": "http://evil.example"}, None, {403}),
    "upload by a foreign page": (
        "PUT", "/_stcore/upload_file/s/f", {**MULTIPART, "xsrf": "own", "Origin": "http://evil.example"}, FILE, {403},
    ),
    "sign-in under a foreign name": ("GET", "/auth/login?provider=default", {"Host": "evil.example"}, None, {403}),
    "a path too long": ("GET", "/" + "a" * 20_000, {}, None, {200, 400, 404, 414}),
}  # fmt: skip


@pytest.mark.parametrize("name", REQUESTS)
def test_a_request_by_hand_gets_nothing(shared: Server, name: str) -> None:
    method, path, headers, body, expected = REQUESTS[name]
    if headers.get("xsrf") == "own":
        own = find_xsrf(shared)
        headers = {**headers, "X-Xsrftoken": own, "Cookie": f"{XSRF_COOKIE}={own}"}
    status, said, answered = ask(shared, method, path, {key: headers[key] for key in headers if key != "xsrf"}, body)
    assert status in expected, said[:500]
    assert_tells_nothing(said)
    assert "root:" not in said
    assert "evil.example" not in answered.get("location", "")
    assert f"{USER_COOKIE}=2" not in said


def upload(server: Server, visit: Visit, size: int, **around: str) -> int:
    """Put a file into a session by hand, with a token of its own and further headers."""
    token = find_xsrf(server)
    body = FILE.replace(b"abc", bytes(size))
    headers = {**MULTIPART, "X-Xsrftoken": token, "Cookie": f"{XSRF_COOKIE}={token}", **around}
    return ask(server, "PUT", f"/_stcore/upload_file/{visit.session}/forged", headers, body)[0]


def test_a_name_that_is_led_to_this_machine_reaches_nothing(shared: Server) -> None:
    """DNS rebinding: the browser takes the page of elsewhere for one of this server's, and has a token for it."""
    port = shared.url.rpartition(":")[2]
    name = f"evil.example:{port}"
    for path in ("/", "/train", "/_stcore/metrics", "/_stcore/host-config", "/oauth2callback?code=x"):
        status, said, _ = ask(shared, "GET", path, {"Host": name})
        assert status == 403
        assert f"This server does not answer to the name '{name}'" in said
    assert ask(shared, "GET", "/_stcore/health", {"Host": name})[:1] == (200,)  # for what watches over servers
    with Visit(shared, signed_cookie(user_of(shared, "bob"))) as bob:
        bob.run("catalogue")
        assert upload(shared, bob, 10, Host=name, Origin=f"http://{name}") == 403
        assert upload(shared, bob, 10, Origin=f"http://{name}") == 403
        assert upload(shared, bob, 10, Origin=shared.url) == 204
        assert upload(shared, bob, 10, Host=f"localhost:{port}", Origin=f"http://localhost:{port}") == 204


def count_kept_bytes(server: Server) -> int:
    """What the server holds of uploads, as its own numbers tell."""
    said = ask(server, "GET", "/_stcore/metrics?families=cache_memory_bytes")[1]
    found = re.findall(r'^cache_memory_bytes\{[^}]*UploadedFileManager[^}]*\} (\d+)', said, re.M)
    return sum(map(int, found))


@thorough("tests/browser/test_people_hostile.py::test_a_request_by_hand_gets_nothing")
def test_nothing_is_kept_of_what_a_stranger_uploads(shared: Server) -> None:
    with Visit(shared) as stranger, Visit(shared, signed_cookie(user_of(shared, "bob"))) as bob:
        stranger.run()
        bob.run("catalogue")
        assert stranger.session
        assert upload(shared, stranger, 3_000_000) == 204
        assert upload(shared, bob, 1_000_000) == 204
        deadline = time.monotonic() + 90
        while (kept := count_kept_bytes(shared)) < 1_000_000:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    assert 1_000_000 <= kept < 2_000_000


def test_there_are_forty_of_them() -> None:
    assert sum(map(len, (HANDSHAKES, COOKIES, LINKS, REQUESTS))) >= 40
