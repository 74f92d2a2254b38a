"""Draws the objects that weights/compact.h5 was trained to tell apart: shapes over one another, filled with patterns
and with pieces of photographs. Needs numpy and opencv-python-headless.

    python weights/pretraining_sprites.py COUNT SEED PHOTOGRAPHS OUT
"""
import pathlib
import sys

import cv2
import numpy as np

SIDE = 224
rows, columns = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)


def random_colour(rng):
    hsv = np.uint8([[[rng.integers(180), rng.integers(20, 256), rng.integers(30, 256)]]])
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)[0, 0].astype(np.float32)


def piece_of_photograph(rng, photographs):
    image = photographs[rng.integers(len(photographs))]
    height, width = image.shape[:2]
    side = int(rng.uniform(0.12, 0.5) * min(height, width))
    y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
    kind = cv2.INTER_AREA if side > SIDE else cv2.INTER_CUBIC
    piece = cv2.resize(image[y:y + side, x:x + side], (SIDE, SIDE), interpolation=kind)
    if rng.random() < 0.4:  # other hues
        hsv = cv2.cvtColor(piece, cv2.COLOR_BGR2HSV)
        hsv[..., 0] = (hsv[..., 0].astype(int) + rng.integers(180)) % 180
        piece = cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR)
    return piece.astype(np.float32)


def pattern(rng):
    """Stripes, squares, dots, a plain colour or a gradient, unevenly lit."""
    angle, period = rng.uniform(0, np.pi), rng.uniform(8, 70)
    u = columns * np.cos(angle) + rows * np.sin(angle)
    v = rows * np.cos(angle) - columns * np.sin(angle)
    mask = [
        lambda: (u / period) % 1 < rng.uniform(0.3, 0.7),
        lambda: ((u / period) % 1 < 0.5) ^ ((v / period) % 1 < 0.5),
        lambda: np.hypot((u / period) % 1 - 0.5, (v / period) % 1 - 0.5) < rng.uniform(0.2, 0.45),
        lambda: np.zeros((SIDE, SIDE)),
        lambda: np.clip((u + v) / (2 * SIDE) + 0.5, 0, 1),
    ][rng.integers(5)]().astype(np.float32)
    first, second = random_colour(rng), random_colour(rng)
    light = cv2.resize(rng.normal(0, 1, (6, 6)).astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    filled = first + (second - first) * mask[..., None]
    return np.clip(filled * (1 + 0.2 * light[..., None]) + rng.normal(0, 4, (SIDE, SIDE, 1)), 0, 255)


def outline(rng, scale):
    """How much of each pixel a random shape covers."""
    x, y = SIDE / 2 + rng.uniform(-0.5, 0.5, 2) * SIDE * (1 - scale)
    angle, a = rng.uniform(0, 2 * np.pi), scale * SIDE * 0.46
    b = a * rng.uniform(0.45, 1)
    u = ((columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)) / a
    v = ((rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)) / b
    kind = rng.integers(5)
    if kind == 0:  # ellipse
        inside = 1 - np.hypot(u, v)
    elif kind == 1:  # rounded rectangle
        power = rng.uniform(2.5, 10)
        inside = 1 - (np.abs(u / 0.8)**power + np.abs(v / 0.8)**power)**(1 / power)
    elif kind == 2:  # wavy
        inside = 0.75 - np.hypot(u, v)
        for k in range(2, 7):
            inside = inside + rng.uniform(-0.22, 0.22) / k**0.5 * np.cos(k * np.arctan2(v, u) + rng.uniform(0, 6.28))
    elif kind == 3:  # ring
        inside = np.minimum(1 - np.hypot(u, v), np.hypot(u, v) - rng.uniform(0.3, 0.6))
    else:  # polygon
        corners = rng.integers(3, 9)
        turns = 2 * np.pi * (np.arange(corners) + rng.uniform(-0.3, 0.3, corners)) / corners
        radii = a * rng.uniform(0.45, 1, corners)
        mask = np.zeros((SIDE, SIDE), np.uint8)
        points = np.stack([x + radii * np.cos(turns), y + radii * np.sin(turns)], axis=1)
        cv2.fillPoly(mask, [np.int32(points)], 255, cv2.LINE_AA)
        return mask.astype(np.float32) / 255
    return np.clip(inside * a * 0.8 + 0.5, 0, 1)


def sprite(rng, photographs):
    colour, alpha = np.zeros((SIDE, SIDE, 3), np.float32), np.zeros((SIDE, SIDE), np.float32)
    for part in range(rng.integers(1, 6)):
        mask = outline(rng, 1 if part == 0 else rng.uniform(0.15, 0.7))
        if part > 0 and rng.random() < 0.5:
            mask = mask * alpha  # within what is there
        texture = piece_of_photograph(rng, photographs) if rng.random() < 0.3 else pattern(rng)
        colour = colour * (1 - mask[..., None]) + texture * mask[..., None]
        alpha = np.maximum(alpha, mask)
    straight = np.clip(colour / np.maximum(alpha, 1e-3)[..., None], 0, 255)
    visible = np.argwhere(alpha > 0.5)
    (top, left), (bottom, right) = visible.min(axis=0), visible.max(axis=0) + 1
    return np.dstack([straight, alpha * 255]).astype(np.uint8)[top:bottom, left:right]


def main():
    count, seed, folder, out = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], pathlib.Path(sys.argv[4])
    rng = np.random.default_rng(seed)
    photographs = [cv2.imread(str(path)) for path in sorted(pathlib.Path(folder).iterdir())]
    out.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        cv2.imwrite(str(out / f"{i:03d}.png"), sprite(rng, photographs))


main()
