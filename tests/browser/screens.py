"""Take the pictures in docs/screens again: .venv/bin/python -m tests.browser.screens

The tests of all pages take them. Here they are written again with 256 colours, for which less than half of the bytes do.
"""

import os
import subprocess
import sys
from pathlib import Path

from PIL import Image

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "tests/browser", "-k", "stable_and_accessible or style_guide"]
    done = subprocess.run(command, env={**os.environ, "SCREENSHOTS": str(FOLDER)}, check=False)
    for picture in FOLDER.glob("*.png"):
        with Image.open(picture) as image:
            image.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, optimize=True)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
