"""The social server for the adapter's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.social_server import Running, running


@pytest.fixture
def social() -> Iterator[Running]:
    with running() as server:
        yield server
