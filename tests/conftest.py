"""What every test shares."""

from __future__ import annotations

import os

from hypothesis import settings

# The same examples every time on a build machine; new ones at a desk. No deadline: machines differ.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

# Kivy reads pytest's command line and writes log files into the home unless told otherwise.
os.environ.setdefault("KIVY_NO_ARGS", "1")
os.environ.setdefault("KIVY_NO_FILELOG", "1")
