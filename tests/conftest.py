"""What every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples every time on a build machine; new ones at a desk. No deadline: machines differ.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Kivy and rpi-lgpio write into the home and the working directory unless told otherwise.
os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_FILELOG", "1")
