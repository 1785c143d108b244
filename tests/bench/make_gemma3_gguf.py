#!/usr/bin/env python3
"""Writes a GGUF file of Gemma 3's shape with random weights, that this engine and llama.cpp both load.

    python tests/bench/make_gemma3_gguf.py --size 1b --type Q4_0 gemma3-1b-random.gguf

For speed and memory on real sizes, where the real weights are not to be had: what the model says is noise. Blocks are
drawn as bytes with scales that keep activations in their usual range, tensor by tensor, so a 27B file needs the disk
but little memory. The vocabulary is a synthetic one of SentencePiece's kind with Gemma's size and special ids. Needs
numpy and gguf (0.17 or later). Rows that a K-quant's blocks of 256 do not divide are written in Q8_0.
"""
import argparse
import math

import gguf
import numpy

# layers, width, feed-forward, heads, kv heads, head, window, context, scaling of global RoPE
SIZES = {
    "270m": (18, 640, 2048, 4, 1, 256, 512, 32768, 1),
    "1b": (26, 1152, 6912, 4, 1, 256, 512, 32768, 1),
    "4b": (34, 2560, 10240, 8, 4, 256, 1024, 131072, 8),
    "12b": (48, 3840, 15360, 16, 8, 256, 1024, 131072, 8),
    "27b": (62, 5376, 21504, 32, 16, 128, 1024, 131072, 8),
    "tiny": (6, 256, 512, 2, 1, 128, 64, 512, 1),
}
VOCABULARY = 262144
CHUNK_ROWS = 8192
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<start_of_turn>"
    "{% if message['role'] == 'assistant' %}model{% else %}{{ message['role'] }}{% endif %}\n"
    "{{ message['content'] | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def f16_columns(rows, blocks, value):
    column = numpy.full((rows, blocks, 1), value, dtype="<f2")
    return column.view(numpy.uint8).reshape(rows, blocks, 2)


def random_rows(kind, rows, cols, sigma, rng):
    """u8[rows, bytes of a row]: blocks whose elements have about this standard deviation and a mean near zero."""
    block, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = cols // block
    if kind == gguf.GGMLQuantizationType.F16:
        return (rng.standard_normal((rows, cols), dtype=numpy.float32) * sigma).astype("<f2").view(numpy.uint8)
    if kind == gguf.GGMLQuantizationType.F32:
        return (rng.standard_normal((rows, cols), dtype=numpy.float32) * sigma).astype("<f4").view(numpy.uint8)
    raw = rng.integers(0, 256, (rows, blocks, size), dtype=numpy.uint8)
    # A nibble is uniform over 16 values, standard deviation 4.61; a byte over 256, 73.9.
    if kind == gguf.GGMLQuantizationType.Q4_0:
        raw[:, :, :2] = f16_columns(rows, blocks, sigma / 4.61)
    elif kind == gguf.GGMLQuantizationType.Q4_1:
        raw[:, :, :2] = f16_columns(rows, blocks, sigma / 4.61)
        raw[:, :, 2:4] = f16_columns(rows, blocks, -7.5 * sigma / 4.61)
    elif kind == gguf.GGMLQuantizationType.Q8_0:
        raw[:, :, :2] = f16_columns(rows, blocks, sigma / 73.9)
    elif kind == gguf.GGMLQuantizationType.Q4_K:
        # scale x nibble - minimum, scales and minima uniform over 0 to 63
        step = sigma / (32 * 4.61)
        raw[:, :, :2] = f16_columns(rows, blocks, step)
        raw[:, :, 2:4] = f16_columns(rows, blocks, 7.5 * step)
    else:
        raise SystemExit(f"--type {kind.name} (expected: F32, F16, Q4_0, Q4_1, Q8_0 or Q4_K)")
    return raw.reshape(rows, blocks * size)


def vocabulary(count):
    special = {0: "<pad>", 1: "<eos>", 2: "<bos>", 3: "<unk>", 105: "<start_of_turn>", 106: "<end_of_turn>"}
    tokens, scores, kinds = [], [], []
    for i in range(count):
        if i in special:
            token, kind = special[i], UNKNOWN if i == 3 else CONTROL
        elif 238 <= i < 494:
            token, kind = f"<0x{i - 238:02X}>", BYTE
        elif i < 494:
            token, kind = f"<unused{i}>", NORMAL
        elif i < 494 + 95:
            token, kind = "\u2581" if i == 494 else chr(i - 494 + 32), NORMAL
        else:
            token, kind = f"\u2581w{i:x}", NORMAL
        tokens.append(token)
        scores.append(-float(i))
        kinds.append(kind)
    return tokens, scores, kinds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--size", default="1b", choices=SIZES)
    parser.add_argument("--type", default="Q4_0", help="of the layers' matrices: F32, F16, Q4_0, Q4_1, Q8_0 or Q4_K")
    parser.add_argument("--embedding-type", default="Q8_0", help="of the embedding, which is the head too")
    parser.add_argument("--vocabulary", type=int, default=VOCABULARY)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    layers, width, feed_forward, heads, kv_heads, head, window, context, scaling = SIZES[args.size]
    rng = numpy.random.default_rng(args.seed)
    writer = gguf.GGUFWriter(args.out, "gemma3")
    writer.add_name(f"Gemma 3 {args.size}, random weights")
    writer.add_context_length(context)
    writer.add_embedding_length(width)
    writer.add_block_count(layers)
    writer.add_feed_forward_length(feed_forward)
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_key_length(head)
    writer.add_value_length(head)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(1e6)
    writer.add_sliding_window(window)
    if scaling != 1:
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(scaling))
    writer.add_vocab_size(args.vocabulary)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    tokens, scores, kinds = vocabulary(args.vocabulary)
    writer.add_token_list(tokens)
    writer.add_token_scores(scores)
    writer.add_token_types(kinds)
    writer.add_bos_token_id(2)
    writer.add_eos_token_id(106)
    writer.add_unk_token_id(3)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(True)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)

    tensors = []

    def matrix(name, rows, cols, sigma, kind=args.type):
        kind = gguf.GGMLQuantizationType[kind]
        if cols % gguf.GGML_QUANT_SIZES[kind][0]:
            kind = gguf.GGMLQuantizationType.Q8_0
        tensors.append((name + ".weight", rows, cols, kind, sigma))

    def norm(name, length):
        tensors.append((name + ".weight", 0, length, gguf.GGMLQuantizationType.F32, 0))

    matrix("token_embd", args.vocabulary, width, 0.02, args.embedding_type)
    for i in range(layers):
        at = f"blk.{i}."
        norm(at + "attn_norm", width)
        matrix(at + "attn_q", heads * head, width, width**-0.5)
        matrix(at + "attn_k", kv_heads * head, width, width**-0.5)
        matrix(at + "attn_v", kv_heads * head, width, width**-0.5)
        norm(at + "attn_q_norm", head)
        norm(at + "attn_k_norm", head)
        matrix(at + "attn_output", width, heads * head, (heads * head) ** -0.5)
        norm(at + "post_attention_norm", width)
        norm(at + "ffn_norm", width)
        matrix(at + "ffn_gate", feed_forward, width, width**-0.5)
        matrix(at + "ffn_up", feed_forward, width, width**-0.5)
        matrix(at + "ffn_down", width, feed_forward, feed_forward**-0.5)
        norm(at + "post_ffw_norm", width)
    norm("output_norm", width)

    for name, rows, cols, kind, _ in tensors:
        block, size = gguf.GGML_QUANT_SIZES[kind]
        row_bytes = cols // block * size
        if rows == 0:
            writer.add_tensor_info(name, (cols,), numpy.dtype(numpy.float32), row_bytes, raw_dtype=kind)
        else:
            # A quantised tensor's shape is told in bytes.
            writer.add_tensor_info(name, (rows, row_bytes), numpy.dtype(numpy.uint8), rows * row_bytes, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    out = writer.fout[0]
    written = 0
    for name, rows, cols, kind, sigma in tensors:
        writer.write_padding(out, out.tell())
        if rows == 0:
            numpy.ones(cols, dtype="<f4").tofile(out)
            written += cols
        for begin in range(0, rows, CHUNK_ROWS):
            random_rows(kind, min(CHUNK_ROWS, rows - begin), cols, sigma, rng).tofile(out)
        written += rows * cols
    writer.write_padding(out, out.tell())
    writer.close()
    print(f"{args.out}: {written / 1e6:.0f} million parameters")


if __name__ == "__main__":
    main()
