"""Requests under a name that is none of the server's, or from pages of elsewhere, are refused."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit import config
from streamlit.url_util import make_url_path
from streamlit.web.server.starlette.starlette_routes import ROUTE_HEALTH
from streamlit.web.server.starlette.starlette_websocket import _is_origin_allowed, is_host_allowed

from explorer.text import quote


class RefuseForeign:
    """Answers plain HTTP by the rule by which Streamlit answers a WebSocket.

    A page of the web whose name leads to this machine (DNS rebinding) could otherwise read what the server tells
    without a session, and put files into one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.health = make_url_path(config.get_option("server.baseUrlPath"), ROUTE_HEALTH)
        """It says 'ok' and nothing else, and what watches over servers asks for it by their addresses."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or have the app do so."""
        answer = self.app
        if scope["type"] == "http" and scope["path"] != self.health:
            headers = Headers(scope=scope)
            host, origin = headers.get("host"), headers.get("origin")
            if not is_host_allowed(host):
                answer = _refuse(f"does not answer to the name {quote(host or '')}", "allowedHosts")
            elif not _is_origin_allowed(origin, host):
                answer = _refuse(f"does not answer pages of {quote(origin or '')}", "corsAllowedOrigins")
        await answer(scope, receive, send)


def _refuse(what: str, setting: str) -> ASGIApp:
    way = f"whoever runs it names what it answers to by --server.{setting}"
    return PlainTextResponse(f"This server {what}; {way}\n", 403)
