"""A client that speaks the server's protocol by hand, as somebody hostile may: no browser keeps it from anything."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Page
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.web.server.starlette.starlette_app_utils import create_signed_value
from websockets.sync.client import ClientConnection, connect

from tests.browser.helpers import Server, open_app
from tests.browser.signing_in import SECRET, claims_of

USER_COOKIE, XSRF_COOKIE = "_streamlit_user", "_streamlit_xsrf"


def ask(
    server: Server, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, str, dict[str, str]]:
    """One HTTP request, its path as it is written: (status, the whole answer as text, headers)."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port or 80, timeout=30)
    connection.putrequest(method, path, skip_host="Host" in (headers or {}))
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    if body is not None and "Content-Length" not in (headers or {}):
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    said = answer.read().decode("utf-8", "replace")
    found = {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return answer.status, f"{said}\n{found}", found


def find_xsrf(server: Server) -> str:
    """A token that the server gives to whoever asks."""
    cookie = ask(server, "GET", "/_stcore/health")[2]["set-cookie"]
    return cookie.partition(f"{XSRF_COOKIE}=")[2].partition(";")[0]


def signed_cookie(value: Any, secret: str = SECRET, name: str = USER_COOKIE) -> str:
    """A cookie as the server makes it from what a provider says."""
    return create_signed_value(secret, name, json.dumps(value)).decode()


def user_of(server: Server, who: str, /, **changes: Any) -> dict[str, Any]:
    """What a cookie of somebody holds."""
    fields = {"origin": server.url, "is_logged_in": True, "provider": "default", **claims_of(server.home, who)}
    return {name: value for name, value in (fields | changes).items() if value is not None}


def come_as(page: Page, server: Server, who: str, path: str, /, **changes: Any) -> Page:
    """Go to an address with the cookie that signing in leaves, without the seconds of the way over the provider."""
    cookie = signed_cookie(user_of(server, who, **changes))
    page.context.add_cookies([{"name": USER_COOKIE, "value": cookie, "url": server.url}])
    return open_app(page, server.url + path)


class Visit:
    """A connection of somebody to the server."""

    def __init__(
        self,
        server: Server,
        cookie: str = "",
        *,
        xsrf: str | None = None,
        xsrf_cookie: str | None = None,
        headers: Mapping[str, str] | None = None,
        origin: str | None = "",
        session: str = "",
    ) -> None:
        token = find_xsrf(server) if xsrf is None else xsrf
        cookies = [f"{XSRF_COOKIE}={token if xsrf_cookie is None else xsrf_cookie}"]
        cookies += [f"{USER_COOKIE}={cookie}"] if cookie else []
        protocols = ["streamlit", *([token] if token else []), *([session] if session else [])]
        self._opening = connect(
            f"{server.url.replace('http', 'ws')}/_stcore/stream",
            additional_headers={"Cookie": "; ".join(cookies), **(headers or {})},
            subprotocols=protocols,  # type: ignore[arg-type]
            origin=(origin or server.url) if origin is not None else None,  # type: ignore[arg-type]
            open_timeout=30, max_size=None, proxy=None,
        )  # fmt: skip
        self.socket: ClientConnection
        self.session = ""
        self.pages: dict[str, str] = {}

    def __enter__(self) -> Visit:
        self.socket = self._opening.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._opening.__exit__(*error)

    def run(
        self, page: str = "", query: str = "", widgets: WidgetStates | None = None, seconds: float = 60
    ) -> str:
        """Ask for a run of the script; everything that the server answers until it has ended, as text."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.page_script_hash = self.pages.get(page, "")
        if widgets is not None:
            message.rerun_script.widget_states.CopyFrom(widgets)
        self.socket.send(message.SerializeToString())
        return self.listen(seconds)

    def listen(self, seconds: float = 60) -> str:
        """Everything that the server says until a script has ended."""
        said = b""
        while True:
            data = self.socket.recv(timeout=seconds)
            assert isinstance(data, bytes)
            said += data
            message = ForwardMsg()
            message.ParseFromString(data)
            self.hear(message)
            kind = message.WhichOneof("type")
            if kind == "new_session":
                self.session = message.new_session.initialize.session_id
            if kind == "navigation":
                self.pages = {each.url_pathname: each.page_script_hash for each in message.navigation.app_pages}
            if kind == "script_finished" and message.script_finished != message.FINISHED_EARLY_FOR_RERUN:
                return said.decode("utf-8", "replace")

    def hear(self, message: ForwardMsg) -> None:
        """Take notice of one message of the server; for whoever wants to know more than the text of all."""
