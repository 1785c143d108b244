"""Pictures that the tests make again."""

import numpy


def noise(width, height, seed):
    """u8[height, width, 3], from three multipliers."""
    x, y, c = numpy.arange(width)[None, :, None], numpy.arange(height)[:, None, None], numpy.arange(3)[None, None, :]
    return ((x * 73856093 ^ y * 19349663 ^ (c + 3 * seed) * 83492791) >> 7 & 255).astype(numpy.uint8)
