"""Tiny random models of each family, and a quantiser for the GGUF types that the gguf package cannot write."""

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as T

VOCABULARY = 96
# Rotary frequencies, windows, scales and caps are unlike any real model's, so that a value which is not read shows.
LLAMA = dict(
    vocab_size=VOCABULARY, hidden_size=32, intermediate_size=40, num_hidden_layers=3, num_attention_heads=4,
    num_key_value_heads=2, head_dim=12, max_position_embeddings=1024, rms_norm_eps=2e-5, attention_bias=False,
    rope_parameters={"rope_type": "default", "rope_theta": 7000.0}, tie_word_embeddings=False, bos_token_id=2, eos_token_id=1,
)
GEMMA2 = dict(
    vocab_size=VOCABULARY, hidden_size=36, intermediate_size=40, num_hidden_layers=5, num_attention_heads=4,
    num_key_value_heads=2, head_dim=10, query_pre_attn_scalar=17, max_position_embeddings=1024, sliding_window=24,
    rms_norm_eps=2e-6, attn_logit_softcapping=3.0, final_logit_softcapping=5.0,
    rope_parameters={"rope_type": "default", "rope_theta": 900.0},
)
GEMMA3 = dict(
    vocab_size=VOCABULARY, hidden_size=36, intermediate_size=40, num_hidden_layers=7, num_attention_heads=3,
    num_key_value_heads=1, head_dim=20, query_pre_attn_scalar=11, max_position_embeddings=1024, sliding_window=24,
    rms_norm_eps=2e-6,
    rope_parameters={
        "sliding_attention": {"rope_type": "default", "rope_theta": 900.0},
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 50000.0},
    },
)


def randomise(model, seed, norm_centre):
    """Weights large enough for attention to choose and for caps to bend."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in sorted(model.named_parameters()):
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() == 1:
                weight.copy_(norm_centre + 0.3 * noise if "norm" in name else 0.1 * noise)
            else:
                weight.copy_(noise * 1.5 / weight.shape[-1] ** 0.5)
    return model


def eager(kind, config):
    config._attn_implementation = "eager"
    model = kind(config)
    assert model.config._attn_implementation == "eager"
    return model.float().eval()


def kquant(values, kind):
    """Blocks of Q4_K, Q5_K or Q6_K: simple scales, not the best ones. What counts here is what the blocks mean."""
    rows, columns = values.shape
    blocks = values.reshape(-1, 256).astype(numpy.float64)
    made = q6k(blocks) if kind == T.Q6_K else q45k(blocks, kind == T.Q5_K)
    return numpy.ascontiguousarray(made.reshape(rows, -1))


def half(values):
    return values.astype(numpy.float16).view(numpy.uint8).reshape(len(values), 2)


def q45k(blocks, fifth):
    top = 31 if fifth else 15
    groups = blocks.reshape(-1, 8, 32)
    low = numpy.minimum(groups.min(2), 0)
    scale = (groups.max(2) - low) / top
    d = (scale.max(1) / 63).astype(numpy.float16)
    dmin = ((-low).max(1) / 63).astype(numpy.float16)
    scales = numpy.clip(numpy.rint(scale / d[:, None].astype(float)), 0, 63).astype(numpy.uint8)
    mins = numpy.clip(numpy.rint(-low / dmin[:, None].astype(float)), 0, 63).astype(numpy.uint8)
    step = numpy.maximum(d[:, None].astype(float) * scales, 1e-12)[..., None]
    q = numpy.clip(numpy.rint((groups + (dmin[:, None].astype(float) * mins)[..., None]) / step), 0, top)
    q = q.astype(numpy.uint8)
    packed = numpy.concatenate(
        [
            scales[:, :4] | (scales[:, 4:] >> 4) << 6,
            mins[:, :4] | (mins[:, 4:] >> 4) << 6,
            (scales[:, 4:] & 15) | (mins[:, 4:] & 15) << 4,
        ],
        axis=1,
    )
    nibbles = ((q[:, 0::2] & 15) | (q[:, 1::2] & 15) << 4).reshape(-1, 128)
    parts = [half(d), half(dmin), packed]
    if fifth:
        bits = numpy.zeros((len(q), 32), numpy.uint8)
        for group in range(8):
            bits |= (q[:, group] >> 4) << group
        parts.append(bits)
    return numpy.concatenate([*parts, nibbles], axis=1)


def q6k(blocks):
    groups = blocks.reshape(-1, 16, 16)
    scale = numpy.abs(groups).max(2) / 31
    d = (scale.max(1) / 127).astype(numpy.float16)
    scales = numpy.clip(numpy.rint(scale / d[:, None].astype(float)), 1, 127).astype(numpy.int8)
    step = (d[:, None].astype(float) * scales)[..., None]
    q = (numpy.clip(numpy.rint(groups / step), -32, 31) + 32).astype(numpy.uint8).reshape(-1, 2, 4, 32)
    low = numpy.stack([(q[:, :, i] & 15) | (q[:, :, i + 2] & 15) << 4 for i in range(2)], axis=2)
    high = sum((q[:, :, i] >> 4) << 2 * i for i in range(4)).astype(numpy.uint8)
    count = len(q)
    return numpy.concatenate(
        [low.reshape(count, 128), high.reshape(count, 64), scales.view(numpy.uint8), half(d)], axis=1
    )


def stored(values, kind):
    if kind == T.F32:
        return values
    if kind == T.F16:
        return values.astype(numpy.float16)
    if kind in (T.Q4_K, T.Q5_K, T.Q6_K):
        return kquant(values, kind)
    return gguf.quantize(values, kind)


def meant(data, kind, shape):
    values = data if kind == T.F32 else gguf.dequantize(data, kind)
    return numpy.ascontiguousarray(values, dtype=numpy.float32).reshape(shape)
