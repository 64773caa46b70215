"""Netron, which most people look at ONNX files with, draws what we export."""

import re
from collections import Counter

import netron
import onnx
import pytest

from explorer import catalog
from explorer.export import Subject, export
from tests.browser.design import until
from tests.browser.helpers import free_port
from tests.sizes import thorough

CLASSES = tuple(f"digit {number}" for number in range(10))


@thorough("tests/export/test_onnx.py::test_the_file_says_what_it_is")
@pytest.mark.parametrize("name", ["mnist-inception", "cifar-inception-se"])
def test_netron_draws_every_operator_and_tells_the_metadata(browser, tmp_path, name):
    path = tmp_path / f"{name}.onnx"
    path.write_bytes(export(Subject(architecture=catalog.get(name), classes=CLASSES), "onnx").data)
    graph = onnx.load(path).graph
    host, port = netron.start(str(path), ("127.0.0.1", free_port()), browse=False)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    try:
        # Netron would ask where it is for consent to cookies, report to its maker, and want an update half a year on.
        context.add_cookies([{"name": "consent", "value": "1", "url": f"http://{host}:{port}"}])
        page = context.new_page()
        page.route(lambda url: not url.startswith(f"http://{host}:{port}"), lambda route: route.abort())
        page.clock.set_fixed_time("2026-11-01")
        page.goto(f"http://{host}:{port}")
        drawn = page.locator(".node-item-type")
        until(lambda: drawn.count() == len(graph.node), "all operators are drawn")
        assert page.locator("g.node").count() == len(graph.node) + 2, "beside them the input and the output"
        for kind, count in Counter(node.op_type for node in graph.node).items():
            assert drawn.get_by_text(re.compile(f"^{kind}$")).count() == count, kind
        page.locator("#sidebar-model-button").click()
        told = page.locator("#sidebar").inner_text()
        for part in ("ONNX v8", "Inception Explorer", "ai.onnx v17", '"digit 9"', '"op":"parallel"'):
            assert part in told
    finally:
        context.close()
        netron.stop((host, port))
