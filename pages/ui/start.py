"""The start of a server: what the first visitor would wait for is loaded while nobody waits."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pkgutil import walk_packages

import streamlit as st
from streamlit import cli_util
from streamlit.web.server import server_util

from explorer.home import home
from explorer.process import collect_seldom
from pages import ui

logger = logging.getLogger(__name__)


@asynccontextmanager
async def start(_app: st.App) -> AsyncIterator[None]:
    """Open the browser where there is one, and get ready while the server answers.

    Whoever comes before all is ready waits for no more than what they would have waited for anyway.
    """
    if not st.get_option("server.headless"):  # for an app, unlike for a script, Streamlit leaves it to us
        cli_util.open_browser(_find_url())
    threading.Thread(target=get_ready, daemon=True, name="get ready").start()
    yield


def _find_url() -> str:
    told = st.get_option("browser.serverAddress")
    address = st.get_option("server.address") or "localhost"
    return server_util.get_url(told if told != "localhost" else server_util.get_display_address(address))


def get_ready() -> None:
    """Import what pages import, and let the caches have what pages begin with.

    Torch comes last, and only where there are runs to look into: it takes a quarter of a gigabyte.
    """
    with collect_seldom():
        for module in walk_packages(ui.__path__, f"{ui.__name__}."):  # here, so that the server need not wait for them
            import_module(module.name)
        from explorer import catalog

        from .session import HOME

        catalog.name_of(catalog.get(HOME))  # makes all networks
        if _read_runs():
            import_module("explorer.inspection.models")


def _read_runs() -> bool:
    """Whether there are any; where they cannot be read, the page that needs them tells it."""
    if not os.environ.get("EXPLORER_DATABASE_URL") and not (home() / "runs").is_dir():
        return False
    from explorer import inspection, training

    from .manager import manager, supervise

    try:
        if why_not := supervise():  # runs that waited when the server before ended go on, whether anybody comes or not
            logger.info("%s", why_not)
        opened = manager()
        opened.devices(0.0)  # a driver or a cluster that is asked for the first time takes seconds; nobody waits here
        runs = opened.runs()
        training.measure_networks(opened.store, (run.architecture for run in runs), seconds=0.0)
        training.collect_speeds(runs)
        inspection.list_models(opened, runs)
    except (ValueError, OSError) as error:
        logger.info("runs are not read ahead: %s", error)
        return False
    return bool(runs)
