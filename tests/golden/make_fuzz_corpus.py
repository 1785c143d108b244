"""Seeds for the fuzz tests of weight files: writes tests/src/test/resources/fuzz/.

usage: make_fuzz_corpus.py

gguf/, safetensors/, tokenizer/ hold small whole files, which the tests mutate. hostile/ holds files that are wrong in one
way each, and hostile/expected.json what the error must name: the file itself, the tensor or key, and the words given.
All from fixed seeds, so running it again changes nothing. Needs numpy and gguf.
"""

import json
import pathlib
import struct

import gguf
import numpy

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/src/test/resources/fuzz"
RNG = numpy.random.default_rng(11)
WIDTH, FEED_FORWARD, HEADS, KV_HEADS, HEAD = 32, 64, 2, 1, 16
ARRAY, STRING, U32 = 9, 8, 4


def byte_alphabet():
    """GPT-2's printable stand-ins for the 256 bytes."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in printable]
    return [chr(b) if b in printable else chr(256 + rest.index(b)) for b in range(256)]


TOKENS = byte_alphabet() + ["th", "the", "in", "<|endoftext|>", "<|im_start|>", "<|im_end|>", "he", "an"]
MERGES = ["t h", "th e", "i n", "h e", "a n"]
TYPES = [3 if t.startswith("<|") else 1 for t in TOKENS]
TEMPLATE = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"


def llama_tensors():
    def weight(*shape):
        return (RNG.standard_normal(shape) * 0.1).astype(numpy.float32)

    return {
        "token_embd.weight": (weight(len(TOKENS), WIDTH), "Q8_0"),
        "blk.0.attn_norm.weight": (weight(WIDTH), "F32"),
        "blk.0.attn_q.weight": (weight(HEADS * HEAD, WIDTH), "Q4_0"),
        "blk.0.attn_k.weight": (weight(KV_HEADS * HEAD, WIDTH), "Q4_1"),
        "blk.0.attn_v.weight": (weight(KV_HEADS * HEAD, WIDTH), "F16"),
        "blk.0.attn_output.weight": (weight(WIDTH, HEADS * HEAD), "BF16"),
        "blk.0.ffn_norm.weight": (weight(WIDTH), "F32"),
        "blk.0.ffn_gate.weight": (weight(FEED_FORWARD, WIDTH), "Q8_0"),
        "blk.0.ffn_up.weight": (weight(FEED_FORWARD, WIDTH), "Q8_0"),
        "blk.0.ffn_down.weight": (weight(WIDTH, FEED_FORWARD), "Q8_0"),
        "output_norm.weight": (weight(WIDTH), "F32"),
    }


def write_llama(path, tensors, **changed):
    writer = gguf.GGUFWriter(path, "llama")
    values = {"block_count": 1, "context_length": 64, "embedding_length": WIDTH, "feed_forward_length": FEED_FORWARD}
    values |= {k: v for k, v in changed.items() if k in values}
    writer.add_block_count(values["block_count"])
    writer.add_context_length(values["context_length"])
    writer.add_embedding_length(values["embedding_length"])
    writer.add_feed_forward_length(values["feed_forward_length"])
    writer.add_head_count(changed.get("heads", HEADS))
    writer.add_head_count_kv(changed.get("kv_heads", KV_HEADS))
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_freq_base(10000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("smollm")
    writer.add_token_list(TOKENS)
    writer.add_token_types(TYPES)
    writer.add_token_merges(MERGES)
    writer.add_bos_token_id(TOKENS.index("<|im_start|>"))
    writer.add_eos_token_id(TOKENS.index("<|im_end|>"))
    writer.add_chat_template(TEMPLATE)
    for name, (data, kind) in tensors.items():
        kind = gguf.GGMLQuantizationType[kind]
        writer.add_tensor(name, gguf.quantize(data, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_types(path):
    """One tensor of each type that is read, a row of 256 elements each."""
    writer = gguf.GGUFWriter(path, "types")
    for kind in ("F32", "F16", "BF16", "Q4_0", "Q4_1", "Q8_0", "Q4_K", "Q5_K", "Q6_K"):
        kind = gguf.GGMLQuantizationType[kind]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        data = RNG.integers(0, 120, (1, 256 // block * size), dtype=numpy.uint8)
        writer.add_tensor(f"t.{kind.name}", data, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_metadata(path):
    """Every type of value, arrays too, and no tensor."""
    writer = gguf.GGUFWriter(path, "metadata")
    for add, value in (
        (writer.add_uint8, 200), (writer.add_int8, -3), (writer.add_uint16, 65535), (writer.add_int16, -2),
        (writer.add_uint32, 7), (writer.add_int32, -7), (writer.add_uint64, 1 << 40), (writer.add_int64, -(1 << 40)),
        (writer.add_float32, 0.5), (writer.add_float64, -2.5), (writer.add_bool, True), (writer.add_string, "höhe"),
    ):
        add(add.__name__, value)
    for name, value in (("a.i", [1, 2, 3]), ("a.f", [0.5, 1.5]), ("a.s", ["x", "", "yy"]), ("a.b", [True, False])):
        writer.add_array(name, value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()


def safetensors(tensors, header=None, data=None):
    """tensors: name to array; header, data: replace what follows from them."""
    entries, blob = {}, b""
    kinds = {"float32": "F32", "float16": "F16", "int64": "I64", "uint16": "BF16"}
    for name, array in tensors.items():
        entries[name] = {"dtype": kinds[str(array.dtype)], "shape": list(array.shape),
                         "data_offsets": [len(blob), len(blob) + array.nbytes]}
        blob += array.tobytes()
    text = header if isinstance(header, bytes) else json.dumps(header(entries) if header else entries).encode()
    return struct.pack("<Q", len(text)) + text + (blob if data is None else data)


def small_tensors():
    return {
        "model.embed_tokens.weight": RNG.standard_normal((6, 4)).astype(numpy.float32),
        "model.norm.weight": RNG.standard_normal(4).astype(numpy.float16),
        "model.layers.0.mlp.up_proj.weight": RNG.integers(0, 1 << 15, (3, 4)).astype(numpy.uint16),
        "model.position_ids": numpy.arange(5, dtype=numpy.int64),
    }


def tokenizer_json():
    vocab = {t: i for i, t in enumerate(TOKENS)}
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [
            {"id": vocab[t], "content": t, "single_word": False, "lstrip": False, "rstrip": False,
             "normalized": False, "special": True} for t in TOKENS if t.startswith("<|")],
        "normalizer": None,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Digits", "individual_digits": True},
            {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}]},
        "post_processor": None, "decoder": {"type": "ByteLevel"},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None,
                  "end_of_word_suffix": None, "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
                  "vocab": vocab, "merges": [m.split(" ") for m in MERGES]},
    }


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def header(tensors, keys, version=3):
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys)


def info(name, kind, offset, *dimensions):
    return (string(name) + struct.pack("<I", len(dimensions)) + b"".join(struct.pack("<Q", d) for d in dimensions)
            + struct.pack("<IQ", kind, offset))


def padded(bytes_, data=64):
    return bytes_ + bytes(-len(bytes_) % 32) + bytes(data)


def hostile_gguf():
    """Name to (bytes, words that the error must have)."""
    architecture = string("general.architecture") + struct.pack("<I", STRING) + string("llama")
    return {
        "tensor-count": (header(1 << 60, 0), ["tensor count", str(1 << 60)]),
        "tensor-count-above-table": (padded(header(3, 0) + info("a", 0, 0, 4)), ["tensor 1"]),
        "key-count": (header(0, (1 << 64) - 1), ["key count"]),
        "array-length": (header(0, 1) + string("k") + struct.pack("<IIQ", ARRAY, U32, 1 << 61) + bytes(32), ["k length"]),
        "string-length": (header(0, 1) + string("k") + struct.pack("<IQ", STRING, 1 << 62) + bytes(32), ["k"]),
        "array-of-strings": (
            header(0, 1) + string("k") + struct.pack("<IIQ", ARRAY, STRING, 2) + struct.pack("<Q", (1 << 63) - 9) + bytes(16),
            ["k", str((1 << 63) - 9)]),
        "offset-past-end": (padded(header(1, 0) + info("far", 0, 1 << 40, 4)), ["far", str(1 << 40)]),
        "offset-overflows": (padded(header(1, 0) + info("far", 0, (1 << 63) - 32, 4)), ["far"]),
        "offset-unaligned": (padded(header(1, 0) + info("odd", 0, 4, 4)), ["odd", "multiple of 32"]),
        "overlap": (padded(header(2, 0) + info("one", 0, 0, 16) + info("two", 0, 32, 4)), ["two", "overlaps one"]),
        "same-name": (padded(header(2, 0) + info("one", 0, 0, 4) + info("one", 0, 32, 4)), ["one", "twice"]),
        "size-overflows": (padded(header(1, 0) + info("huge", 0, 0, 1 << 31, 1 << 31, 1 << 31)), ["huge"]),
        "size-wraps-to-zero": (padded(header(1, 0) + info("huge", 0, 0, 1 << 32, 1 << 32)), ["huge"]),
        "unknown-type": (padded(header(1, 0) + info("new", 4711, 0, 32)), ["new", "4711"]),
        "unknown-value-type": (header(0, 1) + string("k") + struct.pack("<I", 99) + bytes(32), ["k", "99"]),
        "no-dimensions": (padded(header(1, 0) + info("none", 0, 0)), ["none", "0 dimensions"]),
        "not-a-multiple-of-blocks": (padded(header(1, 0) + info("rows", 8, 0, 33)), ["rows", "33"]),
        "alignment": (header(0, 1) + string("general.alignment") + struct.pack("<II", U32, 0) + bytes(8), ["general.alignment"]),
        "big-endian": (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), ["version"]),
        "no-tensors": (padded(header(0, 1) + architecture), ["token_embd.weight", "missing"]),
    }


def hostile_safetensors():
    tensors = {"one": numpy.zeros(4, numpy.float32), "two": numpy.ones(2, numpy.float32)}

    def edited(name, **fields):
        return safetensors(tensors, lambda entries: entries | {name: entries[name] | fields})

    return {
        "header-length": (struct.pack("<Q", 1 << 62) + b"{}", ["header length", str(1 << 62)]),
        "header-length-negative": (struct.pack("<Q", (1 << 64) - 1) + b"{}", ["header length"]),
        "header-not-json": (safetensors({}, b"[[[["), ["header"]),
        "header-deep": (safetensors({}, b"[" * 5000), ["header"]),
        "name-twice": (safetensors(
            {}, b'{"one":{"dtype":"F32","shape":[0],"data_offsets":[0,0]},"one":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}}'),
            ["header", "one"]),
        "overlap": (edited("two", data_offsets=[8, 16]), ["two"]),
        "gap": (edited("two", data_offsets=[20, 28]), ["two"]),
        "past-end": (safetensors(tensors, data=bytes(20)), ["two"]),
        "beyond-last": (safetensors(tensors, data=bytes(40)), ["tensor data"]),
        "offsets-reversed": (edited("two", data_offsets=[24, 16]), ["two"]),
        "offset-negative": (edited("two", data_offsets=[-8, 0]), ["two"]),
        "offset-not-integer": (edited("two", data_offsets=[16.5, 24]), ["two"]),
        "offset-beyond-long": (edited("two", data_offsets=[16, 1 << 70]), ["two"]),
        "shape-other-than-bytes": (edited("two", shape=[3]), ["two", "[3]"]),
        "shape-overflows": (edited("two", shape=[1 << 40, 1 << 40]), ["two"]),
        "shape-negative": (edited("two", shape=[-1, -2]), ["two"]),
        "unknown-type": (edited("two", dtype="F31"), ["two", "F31"]),
    }


def main():
    for folder in ("gguf", "safetensors", "tokenizer", "hostile/gguf", "hostile/safetensors", "hostile/model"):
        (OUT / folder).mkdir(parents=True, exist_ok=True)
    tensors = llama_tensors()
    write_llama(OUT / "gguf/llama.gguf", tensors)
    # Wrong in no way that costs anything: what is kept for positions grows with those that are used.
    write_llama(OUT / "gguf/llama-context-huge.gguf", tensors, context_length=2**31 - 1)
    write_types(OUT / "gguf/types.gguf")
    write_metadata(OUT / "gguf/metadata.gguf")
    (OUT / "safetensors/small.safetensors").write_bytes(safetensors(small_tensors()))
    (OUT / "safetensors/metadata.safetensors").write_bytes(
        safetensors(small_tensors(), lambda entries: {"__metadata__": {"format": "pt"}} | entries))
    (OUT / "safetensors/empty.safetensors").write_bytes(safetensors({}))
    (OUT / "tokenizer/tokenizer.json").write_text(json.dumps(tokenizer_json(), ensure_ascii=False), encoding="utf-8")
    expected = {}
    for kind, cases in (("gguf", hostile_gguf()), ("safetensors", hostile_safetensors())):
        for name, (content, words) in cases.items():
            (OUT / f"hostile/{kind}/{name}.{kind}").write_bytes(content)
            expected[f"{kind}/{name}.{kind}"] = words

    def model(name, words, change=None, **values):
        changed = dict(tensors)
        if change:
            change(changed)
        write_llama(OUT / f"hostile/model/{name}.gguf", changed, **values)
        expected[f"model/{name}.gguf"] = words

    up = "blk.0.ffn_up.weight"
    model("tensor-missing", [up, "missing"], lambda t: t.pop(up))
    model("tensor-of-another-shape", [up, "[32, 32]", "[64, 32]"], lambda t: t.update({up: (t[up][0][:32], "Q8_0")}))
    model("tensor-transposed", [up, "[32, 64]"], lambda t: t.update({up: (t[up][0].T.copy(), "Q8_0")}))
    model("norm-too-long", ["output_norm.weight", "[64]"],
          lambda t: t.update({"output_norm.weight": (numpy.ones(64, numpy.float32), "F32")}))
    model("layer-too-many", ["blk.1.attn_norm.weight", "missing"], block_count=2)
    model("layers-huge", ["layers 2147483647"], block_count=2**31 - 1)
    model("width-zero", ["width"], embedding_length=0)
    model("heads-zero", ["heads"], heads=0)
    model("kv-heads-uneven", ["kv heads"], kv_heads=3)
    (OUT / "hostile/expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    print(sum(f.stat().st_size for f in OUT.rglob("*") if f.is_file()), "bytes in", OUT)


if __name__ == "__main__":
    main()
