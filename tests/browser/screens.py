"""Take the pictures in docs/screens anew: .venv/bin/python -m tests.browser.screens

The tests of all pages take them. Here they are written again with 256 colours, for which less than half of the bytes do.
"""

import os
import struct
import subprocess
import sys
import zlib
from collections import Counter
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
SIGNATURE = b"\x89PNG\r\n\x1a\n"
Colour = tuple[int, int, int]


def main() -> int:
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    command = [sys.executable, "-m", "pytest", "-q", "-n0", "tests/browser/test_pages.py", "-k", "nobodys_way"]
    done = subprocess.run(command, env={**os.environ, "SCREENSHOTS": str(FOLDER)}, check=False)
    for picture in FOLDER.glob("*.png"):
        picture.write_bytes(reduce_colours(picture.read_bytes()))
    return done.returncode


def reduce_colours(png: bytes) -> bytes:
    """png: 8 bits a channel, RGB, not interlaced, as Chromium writes it. PNG (Third Edition), §9 and §11."""
    chunks = list(read_chunks(png))
    width, height, depth, kind, *_ = struct.unpack(">IIBBBBB", chunks[0][1])
    assert (depth, kind) == (8, 2)
    lines = unfilter(zlib.decompress(b"".join(data for name, data in chunks if name == b"IDAT")), width * 3)
    pixels = [list(zip(line[::3], line[1::3], line[2::3], strict=True)) for line in lines]
    counted = Counter(pixel for line in pixels for pixel in line)
    palette = [colour for colour, _ in counted.most_common(256)]
    index = {colour: number for number, colour in enumerate(palette)}
    for colour in counted.keys() - index.keys():
        index[colour] = index[nearest(colour, palette)]
    packed = b"".join(b"\0" + bytes(map(index.__getitem__, line)) for line in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = ((b"IHDR", header), (b"PLTE", bytes(value for colour in palette for value in colour)), (b"IDAT", zlib.compress(packed, 9)), (b"IEND", b""))
    return SIGNATURE + b"".join(write_chunk(name, data) for name, data in parts)


def read_chunks(png: bytes):
    position = len(SIGNATURE)
    while position < len(png):
        (length,) = struct.unpack_from(">I", png, position)
        yield png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        position += 12 + length


def write_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def unfilter(data: bytes, length: int) -> list[bytearray]:
    above, lines = bytearray(length), []
    for start in range(0, len(data), length + 1):
        kind, line = data[start], bytearray(data[start + 1 : start + 1 + length])
        for place, value in enumerate(line):
            left, up, corner = (line[place - 3], above[place], above[place - 3]) if place >= 3 else (0, above[place], 0)
            line[place] = value + (0, left, up, (left + up) // 2, paeth(left, up, corner) if kind == 4 else 0)[kind] & 255
        lines.append(line)
        above = line
    return lines


def paeth(left: int, up: int, corner: int) -> int:
    guess = left + up - corner
    return min((abs(guess - left), 0, left), (abs(guess - up), 1, up), (abs(guess - corner), 2, corner))[2]


def nearest(colour: Colour, palette: list[Colour]) -> Colour:
    return min(palette, key=lambda other: sum((one - two) ** 2 for one, two in zip(colour, other, strict=True)))


if __name__ == "__main__":
    sys.exit(main())
