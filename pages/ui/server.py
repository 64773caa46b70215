"""What the server is, as far as pages must know it."""

from __future__ import annotations

import ipaddress

import streamlit as st


def listens_on_loopback() -> bool:
    """Whether only people at this machine reach the server, so that they may name its files.

    Returns:
        True where ``server.address`` is 127.0.0.1, ::1 or localhost; without an address the server listens on every
        interface.
    """
    address = st.get_option("server.address")
    if not isinstance(address, str) or not address:
        return False
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address.lower() == "localhost"
