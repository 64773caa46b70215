"""Downloads against a server on this machine that can do everything wrong."""

from __future__ import annotations

import errno
import gzip
import http.client
import http.server
import os
import ssl
import threading
import time
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from explorer import datasets
from explorer.datasets import CancelledError, DatasetError, _fetch, _folders, _official
from tests.datasets import makers
from tests.sizes import first

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


class Server:
    """Answers by path; counts what was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.asked.append(self.path)
                answer = server.answers.get(self.path)
                if answer:
                    answer(self)
                else:
                    self.send_error(404)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        self.thread = threading.Thread(target=self.http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()


def giving(data: bytes, *, promised: int | None = None, pause: float = 0.0, block: int = 1 << 16) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data) if promised is None else promised))
        handler.end_headers()
        try:
            for start in range(0, len(data), block):
                handler.wfile.write(data[start : start + block])
                time.sleep(pause)
        except OSError:
            pass  # the client has had enough

    return answer


def redirecting(url: str) -> Answer:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", url)
        handler.end_headers()

    return answer


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()
    running.thread.join()


@pytest.fixture
def mnist(server: Server, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Served under /good; /bad is the first mirror and has nothing until a test fills it."""
    spec, files = makers.small_idx()
    monkeypatch.setitem(_official.OFFICIAL, "mnist", spec)
    urls = {f"{file.name}.gz": [f"{server.url}/{m}/{file.name}.gz" for m in ("bad", "good")] for file in spec.files}
    monkeypatch.setattr(_fetch, "download_urls", lambda _: urls)
    packed = {name: gzip.compress(data, mtime=0) for name, data in files.items()}
    server.answers |= {f"/good/{name}.gz": giving(data) for name, data in packed.items()}
    return packed


@pytest.fixture
def cifar(server: Server, monkeypatch: pytest.MonkeyPatch) -> bytes:
    spec, files = makers.small_cifar()
    monkeypatch.setitem(_official.OFFICIAL, "cifar-10", spec)
    monkeypatch.setattr(_fetch, "download_urls", lambda _: {spec.archive: [f"{server.url}/cifar"]})
    server.answers["/cifar"] = giving(files[spec.archive])
    return files[spec.archive]


def clean(home: Path) -> bool:
    """Nothing half-done lies about."""
    return not list((home / "data").glob(".staging*")) and not list((home / "data").rglob("download"))


def test_addresses_are_torchvisions_own() -> None:
    for spec in _official.OFFICIAL.values():
        addresses = _fetch.download_urls(spec)
        assert list(addresses) == ([spec.archive] if spec.archive else [f"{file.name}.gz" for file in spec.files])
        for name, urls in addresses.items():
            assert urls
            assert all(url.startswith("http") and url.endswith(name) for url in urls)


def test_fetched_from_the_second_mirror_and_loaded(server: Server, mnist: dict[str, bytes], home: Path) -> None:
    heard: list[tuple[int, int]] = []
    place = datasets.fetch("mnist", progress=lambda done, total: heard.append((done, total)))
    assert place == home / "data/MNIST/raw"
    assert datasets.get_card("mnist").path == place
    assert datasets.load("mnist").shape == (1, 6, 6)
    assert heard == sorted(heard)
    assert heard[-1][0] == heard[-1][1] == _official.OFFICIAL["mnist"].download_bytes
    assert clean(home)
    asked = len(server.asked)
    datasets.fetch("mnist")
    assert len(server.asked) == asked  # nothing is fetched twice
    (place / "t10k-images-idx3-ubyte").write_bytes(b"damaged")
    datasets.fetch("mnist")
    assert server.asked[asked:] == ["/bad/t10k-images-idx3-ubyte.gz", "/good/t10k-images-idx3-ubyte.gz"]
    assert datasets.load("mnist").shape == (1, 6, 6)


def test_an_archive_is_fetched_member_by_member(cifar: bytes, home: Path) -> None:
    place = datasets.fetch("cifar-10")
    assert sorted(path.name for path in place.iterdir()) == ["data_batch_1", "data_batch_2", "test_batch"]
    assert datasets.load("cifar-10").shape == (3, 32, 32)
    assert clean(home)


def wrong_copies(data: bytes) -> dict[str, Answer]:
    return {
        "flipped": giving(makers.flipped(data, len(data) // 2)),
        "cut, length promised": giving(data[:-20], promised=len(data)),
        "cut, length hidden": giving(data[:-20]),
        "empty": giving(b""),
        "another file": giving(gzip.compress(b"something else")),
        "a page that says sorry": giving(b"<html>please log in</html>"),
        "endless": giving(data + b"x" * 200_000),
        "a bomb": giving(gzip.compress(b"\0" * 50_000_000)[:9_000]),
        "redirected to a file": redirecting("file:///etc/passwd"),
        "redirected to ftp": redirecting("ftp://127.0.0.1/x"),
        "redirected in a circle": redirecting("/bad/train-images-idx3-ubyte.gz"),
    }


WORST = ("flipped", "cut, length promised", "endless", "a bomb", "redirected to a file")


@pytest.mark.parametrize("kind", first(5, sorted(wrong_copies(b"x" * 100), key=lambda kind: kind not in WORST)))
def test_a_wrong_copy_is_never_kept(server: Server, mnist: dict[str, bytes], home: Path, kind: str) -> None:
    name = "train-images-idx3-ubyte"
    server.answers[f"/bad/{name}.gz"] = wrong_copies(mnist[name])[kind]
    datasets.fetch("mnist")  # the other mirror helps
    assert datasets.load("mnist").shape == (1, 6, 6)
    (home / "data/MNIST/raw" / name).unlink()
    del server.answers[f"/good/{name}.gz"]
    with pytest.raises(DatasetError) as caught:
        datasets.fetch("mnist")
    text = str(caught.value)
    spec = _official.OFFICIAL["mnist"]
    assert "MNIST could not be downloaded" in text
    assert "404" in text
    assert f"{name}.gz (MD5 {spec.train[0].packed_md5})" in text
    assert str(home / "data/MNIST/raw") in text
    assert "\n" not in text
    assert not (home / "data/MNIST/raw" / name).exists()
    assert clean(home)


@pytest.mark.parametrize("at", [40, 0.5, -300])
def test_a_wrong_archive_is_never_kept(server: Server, cifar: bytes, home: Path, at: float) -> None:
    where = int(at * len(cifar)) if isinstance(at, float) else at
    for data in (makers.flipped(cifar, where), cifar[:where]):
        server.answers["/cifar"] = giving(data)
        with pytest.raises(DatasetError, match="damaged"):
            datasets.fetch("cifar-10")
        assert not datasets.get_card("cifar-10").available
        assert clean(home)


def test_an_archive_cannot_write_elsewhere(server: Server, cifar: bytes, home: Path, tmp_path: Path) -> None:
    evil = makers.tar({"../../evil": b"x", "/tmp/evil-absolute": b"x", "cifar-10-batches-py/data_batch_1": b"x"})
    server.answers["/cifar"] = giving(evil)
    with pytest.raises(DatasetError, match="the MD5 of data_batch_1 is"):
        datasets.fetch("cifar-10")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("pause", [0.6, 0.02])
def test_a_stalled_or_dripping_server_is_given_up(
    server: Server, mnist: dict[str, bytes], home: Path, pause: float
) -> None:
    spec = _official.OFFICIAL["mnist"]
    for name, data in mnist.items():
        server.answers[f"/good/{name}.gz"] = giving(data, pause=pause, block=1)
    began = time.monotonic()
    with pytest.raises(DatasetError, match=r"no answer in time|too slow"):
        _fetch.fetch(spec, timeout=0.3)
    assert time.monotonic() - began < 5
    assert clean(home)


@pytest.mark.parametrize(
    "error", [OSError(errno.EHOSTUNREACH, "No route to host"), ssl.SSLError("bad record mac"), ConnectionResetError()]
)
def test_a_network_that_breaks_in_the_middle_is_one_sentence(
    server: Server, mnist: dict[str, bytes], home: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def broken(*_: object) -> bytes:
        raise error

    monkeypatch.setattr(http.client.HTTPResponse, "read1", broken)
    with pytest.raises(DatasetError, match=f"could not be downloaded .*{error.strerror or error}"):
        datasets.fetch("mnist")
    assert clean(home)


def test_no_network_is_one_sentence(mnist: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    urls = {f"{name}.gz": [f"http://127.0.0.1:9/{name}", f"http://127.0.0.1:1/{name}"] for name in mnist}
    monkeypatch.setattr(_fetch, "download_urls", lambda _: urls)
    with pytest.raises(DatasetError, match="could not be downloaded") as caught:
        datasets.fetch("mnist")
    assert str(home / "data/MNIST/raw") in str(caught.value)


def test_cancelling_leaves_nothing(server: Server, mnist: dict[str, bytes], home: Path) -> None:
    calls = iter(range(100))
    with pytest.raises(CancelledError):
        datasets.fetch("mnist", cancel=lambda: next(calls) >= 2)
    assert clean(home)
    assert not (home / "data/MNIST").exists()


def test_too_little_space_is_said_before_anything_is_asked(
    server: Server, mnist: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(_folders.shutil, "disk_usage", lambda _: usage(10**9, 10**9, 1_000_000))
    with pytest.raises(DatasetError, match=r"1\.00 MB free; .* are needed"):
        datasets.fetch("mnist")
    assert not server.asked


def test_a_full_disk_is_said_and_leaves_nothing(
    mnist: dict[str, bytes], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> int:
        path.touch()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DatasetError, match="the disk is full"):
        datasets.fetch("mnist")
    assert clean(home)


def test_only_the_well_known_can_be_fetched() -> None:
    for name in ("digits", "http://example.com/x.zip", "../mnist"):
        with pytest.raises(DatasetError, match="cannot be downloaded"):
            datasets.fetch(name)


def test_loading_never_downloads(server: Server, mnist: dict[str, bytes]) -> None:
    with pytest.raises(DatasetError):
        datasets.load("mnist")
    assert not server.asked
