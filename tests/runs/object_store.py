"""A real S3-compatible server on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def serve_s3(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a folder in a bucket; the environment says where it is and has keys."""
    moto = pytest.importorskip("moto.server", reason="needs tests/requirements.txt")
    from pyarrow import fs

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for every request
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        place = f"http://{host}:{port}"
        fs.S3FileSystem(region="us-east-1", endpoint_override=place, allow_bucket_creation=True).create_dir("bucket")
        yield "s3://bucket/explorer?region=us-east-1"
    finally:
        server.stop()
