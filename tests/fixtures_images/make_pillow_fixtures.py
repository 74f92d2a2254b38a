#!/usr/bin/env python3
"""Makes the files in this folder with Pillow (10 or later): small images in every form that the loader must read, and
checksums of what Pillow's own resize and paste give. Run it again when generators/assets/cat.png changes.

checksums.txt, one case a line, CRC-32 of the raw pixels last:
  resize  width height channels  new_width new_height  crc    of noise(width * height * channels)
  sprite  size  crc       the cat made 64 x 64 and that made size x size
  paste   size x y  crc   that cat pasted with its mask on noise(128 * 128 * 3)
  tile    size x y  crc   that cat pasted without it on black, as RGB
  form    file  crc       a PNG of this folder as RGB or RGBA

photo_*.jpg are a piece of a photograph in the forms that cameras and the web use; beside each, as PNG, what Pillow
decodes it to.
"""
import pathlib
import struct
import zlib

from PIL import Image

HERE = pathlib.Path(__file__).resolve().parent
ASSETS = HERE.parent.parent / "generators" / "assets"
CAT = ASSETS / "cat.png"
PEBBLES = ASSETS / "backgrounds" / "pebbles.jpg"


def noise(count):
    """Bytes of a linear congruential generator; the test has the same."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        out.append(state >> 24)
    return bytes(out)


def noise_image(width, height, channels):
    mode = {3: "RGB", 4: "RGBA"}[channels]
    return Image.frombytes(mode, (width, height), noise(width * height * channels))


def crc(image):
    return f"{zlib.crc32(image.tobytes()):08x}"


def resize_lines():
    sources = [(64, 64, 4), (200, 150, 4), (128, 128, 3), (97, 61, 3), (5, 9, 4), (1, 1, 3)]
    for width, height, channels in sources:
        image = noise_image(width, height, channels)
        for new in [(32, 32), (47, 47), (63, 63), (64, 64), (128, 128), (1, 1), (width, 20), (20, height), (3, 90)]:
            yield f"resize {width} {height} {channels} {new[0]} {new[1]} {crc(image.resize(new))}"


def scene_lines():
    cat = Image.open(CAT).resize((64, 64))
    for size in range(32, 64):
        sprite = cat.resize((size, size))
        yield f"sprite {size} {crc(sprite)}"
    for size, x, y in [(32, 1, 1), (40, 87, 3), (51, 17, 76), (63, 64, 64)]:
        sprite = cat.resize((size, size))
        photograph = noise_image(128, 128, 3)
        photograph.paste(sprite, (x, y), mask=sprite)
        yield f"paste {size} {x} {y} {crc(photograph)}"
        black = Image.new("RGB", (128, 128))
        black.paste(sprite, (x, y))
        yield f"tile {size} {x} {y} {crc(black)}"


def png_by_hand(width, height, depth, colour_type, rows):
    """A PNG that Pillow does not write."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def form_lines():
    size = (9, 7)
    rgba = noise_image(*size, 4)
    forms = {
        "grey.png": Image.frombytes("L", size, noise(63)),
        "bits.png": Image.frombytes("L", size, noise(63)).convert("1"),
        "grey_alpha.png": Image.frombytes("LA", size, noise(126)),
        "rgb.png": noise_image(*size, 3),
        "rgba.png": rgba,
        "palette.png": rgba.convert("RGB").quantize(7),
        "palette_transparent.png": rgba.quantize(7, method=Image.Quantize.FASTOCTREE),
    }
    for name, image in forms.items():
        image.save(HERE / name, optimize=True)
    colour = noise_image(*size, 3)
    colour.save(HERE / "colour_key.png", transparency=colour.getpixel((4, 4)))
    for name in [*forms, "colour_key.png"]:
        image = Image.open(HERE / name)
        transparent = "A" in image.getbands() or "transparency" in image.info
        yield f"form {name} {crc(image.convert('RGBA' if transparent else 'RGB'))}"
    # 16 bits a channel: the high byte is what counts.
    wide = [noise(9 * 6)[i * 3:] + noise(i * 3) for i in range(7)]
    (HERE / "rgb16.png").write_bytes(png_by_hand(9, 7, 16, 2, wide))
    yield f"form rgb16.png {zlib.crc32(b''.join(row[::2] for row in wide)):08x}"


def make_jpegs():
    """Four quarters: red, green, blue, white, in reading order; 32 x 16."""
    image = Image.new("RGB", (32, 16))
    for i, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)]):
        image.paste(colour, (16 * (i % 2), 8 * (i // 2), 16 * (i % 2) + 16, 8 * (i // 2) + 8))
    exact = dict(quality=95, subsampling=0, optimize=True)
    image.save(HERE / "quarters.jpg", **exact)
    image.save(HERE / "progressive.jpg", progressive=True, **exact)
    image.convert("L").save(HERE / "grey.jpg", **exact)
    image.convert("CMYK").save(HERE / "cmyk.jpg", **exact)
    plain = (HERE / "quarters.jpg").read_bytes()
    for name, order in [("turned_big_endian.jpg", ">"), ("turned_little_endian.jpg", "<")]:
        tiff = (b"MM" if order == ">" else b"II") + struct.pack(order + "HI", 42, 8)
        tiff += struct.pack(order + "HHHIHHI", 1, 0x0112, 3, 1, 6, 0, 0)  # one tag: orientation 6
        segment = b"Exif\0\0" + tiff
        (HERE / name).write_bytes(plain[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + plain[2:])


def make_photographs():
    """A side that no block of 8 or 16 pixels divides, colours that change within a block."""
    piece = Image.open(PEBBLES).convert("RGB").resize((90, 90)).crop((20, 15, 65, 52))
    for name, form in [("444", dict(subsampling=0)), ("422", dict(subsampling=1)), ("420", dict(subsampling=2)),
                       ("progressive", dict(subsampling=2, progressive=True))]:
        piece.save(HERE / f"photo_{name}.jpg", quality=85, **form)
        Image.open(HERE / f"photo_{name}.jpg").save(HERE / f"photo_{name}.png", optimize=True)


if __name__ == "__main__":
    lines = [*resize_lines(), *scene_lines(), *form_lines()]
    (HERE / "checksums.txt").write_text("\n".join(lines) + "\n")
    make_jpegs()
    make_photographs()
    Image.open(CAT).resize((64, 64)).resize((40, 40)).save(HERE / "cat_40.png", optimize=True)
