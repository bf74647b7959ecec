"""Pictures as files."""
import struct
import zlib

# Numbers of the format for grey and for colours.
KINDS = {1: 0, 3: 2}


def png(pixels, height, width, channels=1):
    """A PNG file of bytes that lie channel by channel, pixel by pixel, row by row."""
    step = width * channels
    # Each row starts with its filter, here none.
    rows = b"".join(b"\0" + pixels[i : i + step] for i in range(0, height * step, step))
    head = struct.pack(">IIBBBBB", width, height, 8, KINDS[channels], 0, 0, 0)
    chunks = (b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*c) for c in chunks)


def chunk(kind, content):
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))
