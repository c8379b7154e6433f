"""One kiosk for all faults of the bytes tier."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.forecourt import files
from tests.faults.scene import Scene
from worlds.stage import Stage


@pytest.fixture(scope="package")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The forecourt, every EVSE free. Whoever breaks it mends it."""
    folder = tmp_path_factory.mktemp("forecourt")
    plan, config = files(folder)
    with Stage(folder / "stage", plan=plan, config=config) as stage:
        stage.start_server_and_street()
        stage.start_kiosk()
        made = Scene(stage)
        made.charges.wait_until_online()
        yield made
        made.close_eyes()
