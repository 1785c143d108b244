"""Every tensor type that is read, with random blocks, and what the gguf package makes of them: writes
tensor/src/test/resources/golden/dequantised.gguf.

For each type T two tensors of [2, 512]: `stored.T` of that type and `expected.T` as f32. Blocks are random bytes, so
every bit pattern of the quantised fields occurs; the f16 scales in them are random, finite and of either sign. The
expected values of quantised types are therefore what the format means, not an approximation of something.
"""

import sys

import gguf
import numpy
from gguf import GGMLQuantizationType as T
from reference import resources, versions

ROWS, COLUMNS = 2, 512
# Byte offsets of the f16 fields in a block.
HALVES = {T.Q4_0: [0], T.Q4_1: [0, 2], T.Q8_0: [0], T.Q4_K: [0, 2], T.Q5_K: [0, 2], T.Q6_K: [208]}
random = numpy.random.default_rng(7)


def stored(kind):
    values = random.standard_normal((ROWS, COLUMNS)).astype(numpy.float32)
    values[0, :4] = [0.0, -0.0, 1e-6, -65504.0]
    if kind == T.F32:
        return values
    if kind == T.F16:
        return values.astype(numpy.float16)
    if kind == T.BF16:
        return gguf.quantize(values, kind)
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = random.integers(0, 256, (ROWS * COLUMNS // elements, size), dtype=numpy.uint8)
    for offset in HALVES[kind]:
        scale = random.standard_normal(len(blocks)).astype(numpy.float16)
        blocks[:, offset : offset + 2] = scale.view(numpy.uint8).reshape(-1, 2)
    return blocks.reshape(ROWS, -1)


path = resources("tensor") / "dequantised.gguf"
writer = gguf.GGUFWriter(path, "test")
writer.add_string("made.by", "tests/golden/make_dequantised.py")
writer.add_string("made.with", "gguf " + versions()["gguf"] + ", numpy " + numpy.__version__)
for kind in (T.F32, T.F16, T.BF16, *HALVES):
    data = stored(kind)
    expected = data if kind == T.F32 else gguf.dequantize(data, kind)
    expected = numpy.ascontiguousarray(expected, dtype=numpy.float32).reshape(ROWS, COLUMNS)
    assert numpy.isfinite(expected).all()
    writer.add_tensor("stored." + kind.name, data, raw_dtype=kind)
    writer.add_tensor("expected." + kind.name, expected)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
print(path.stat().st_size, "bytes", file=sys.stderr)
