"""Single faces out of Debian's fonts-noto-cjk, in a cache: `python -m kiosk.ui.faces`, at set-up and idempotent.

Loading the collection by path would show Japanese forms to everyone, because Kivy opens its first face. No font
file of others is kept with the project.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from fontTools.ttLib import TTCollection

from kiosk.ui.texts import LANGUAGES

COLLECTIONS = Path("/usr/share/fonts/opentype/noto")
WEIGHTS = ("Regular", "Bold")
# The order of the faces in NotoSansCJK-*.ttc, by region.
FACES = {"JP": 0, "KR": 1, "SC": 2, "TC": 3, "HK": 4}


class FacesMissing(RuntimeError):
    """The system's font collection is not there; the message says what to install."""


def cache_dir() -> Path:
    """$KIOSK_FACES, or a folder in the user's cache."""
    if named := os.environ.get("KIOSK_FACES"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "charging-kiosk" / "faces"


def face_file(face: str, weight: str) -> Path:
    return cache_dir() / f"{face}-{weight}.otf"


def faces_in_use() -> tuple[str, ...]:
    return tuple(sorted({language.face for language in LANGUAGES.values()}))


def extract() -> list[Path]:
    """Take out the faces that are not in the cache yet and return their files. Raises FacesMissing."""
    cache_dir().mkdir(parents=True, exist_ok=True)
    made = []
    for weight in WEIGHTS:
        wanted = [face for face in faces_in_use() if not face_file(face, weight).exists()]
        if not wanted:
            continue
        collection = COLLECTIONS / f"NotoSansCJK-{weight}.ttc"
        if not collection.exists():
            raise FacesMissing(f"{collection}: not there; install it with: apt-get install fonts-noto-cjk")
        fonts = TTCollection(str(collection), lazy=True).fonts
        for face in wanted:
            # Written beside and renamed, so that two at once never read half a file.
            unfinished = face_file(face, weight).with_suffix(f".{os.getpid()}")
            fonts[FACES[face]].save(str(unfinished))
            unfinished.rename(face_file(face, weight))
            made.append(face_file(face, weight))
    return made


def register() -> None:
    """Make the faces known to Kivy under their names."""
    from kivy.core.text import LabelBase

    extract()
    for face in faces_in_use():
        regular, bold = (str(face_file(face, weight)) for weight in WEIGHTS)
        LabelBase.register(face, fn_regular=regular, fn_bold=bold)


def main() -> int:
    try:
        made = extract()
    except FacesMissing as error:
        print(f"faces: {error}", file=sys.stderr)
        return 1
    for path in made:
        print(f"faces: {path} ({path.stat().st_size // 1_000_000} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
