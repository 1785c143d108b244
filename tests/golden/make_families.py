"""Tiny random models of every family and the logits that transformers gives for them: writes
lm-core/src/test/resources/golden/families/.

usage: make_families.py        (half a minute; needs nothing but the packages)

README.md beside this script tells the format.
"""

import gzip
import json
import shutil
import zlib

import gguf
import numpy
import torch
import transformers
from gguf import GGMLQuantizationType as T
from reference import halves, resources, versions
from tiny import GEMMA2, GEMMA3, LLAMA, VOCABULARY, eager, meant, randomise, stored

OUT = resources("lm-core") / "families"
# Longer than a page of the cache and than every window.
TOKENS = 300
POSITIONS = sorted({0, 1, 2, 22, 23, 24, 25, 47, 255, 256, 257, *range(30, TOKENS, 17), *range(TOKENS - 12, TOKENS)})
torch.set_grad_enabled(False)


def floats(path, values):
    path.write_bytes(gzip.compress(numpy.ascontiguousarray(values, dtype="<f4").tobytes(), 9, mtime=0))


def golden(name, ids, logits, **more):
    assert numpy.isfinite(logits).all()
    floats(OUT / f"{name}.logits.f32.gz", logits[POSITIONS])
    value = {"made by": "tests/golden/make_families.py", "versions": versions(), **more}
    value |= {"positions": POSITIONS, "ids": ids}
    (OUT / f"{name}.json").write_text(json.dumps(value) + "\n")
    print(name, "logits up to", numpy.abs(logits).max(), "spread", logits.std(), flush=True)


def random_ids(seed, vocabulary=VOCABULARY):
    return [int(i) for i in numpy.random.default_rng(seed).integers(3, vocabulary, TOKENS)]


def save(name, model, dtype, **how):
    """Writes the model in a type of few bits and reads it back in f32."""
    shutil.rmtree(OUT / name, ignore_errors=True)
    model.to(dtype).save_pretrained(OUT / name, **how)
    (OUT / name / "generation_config.json").unlink(missing_ok=True)
    # Not model.float(): that would keep the rotary frequencies as the short type had rounded them.
    model = type(model).from_pretrained(OUT / name, dtype=torch.float32, attn_implementation="eager").eval()
    assert next(model.parameters()).dtype == torch.float32
    return model


def text(name, kind, config, dtype, seed, norm_centre, **how):
    model = save(name, randomise(eager(kind, config), seed, norm_centre), dtype, **how)
    ids = random_ids(seed)
    golden(name, ids, model(input_ids=torch.tensor([ids])).logits[0].numpy())


def image():
    """Two images, one longer than the window and across a page, whose soft tokens stand for themselves."""
    vision = transformers.SiglipVisionConfig(
        hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, image_size=28, patch_size=14
    )
    config = transformers.Gemma3Config(
        text_config=transformers.Gemma3TextConfig(**GEMMA3), vision_config=vision, mm_tokens_per_image=1,
        image_token_index=VOCABULARY - 1,
    )
    config.text_config._attn_implementation = "eager"
    model = save("gemma3-image", randomise(eager(transformers.Gemma3ForConditionalGeneration, config), 31, 0), torch.bfloat16)
    assert model.model.language_model.config._attn_implementation == "eager"
    ids = random_ids(31)
    runs = [[50, 59], [230, 262]]
    embedded = model.get_input_embeddings()(torch.tensor([ids]))
    kinds = torch.zeros((1, TOKENS), dtype=torch.long)
    soft = torch.randn((sum(end - start for start, end in runs), GEMMA3["hidden_size"]), generator=torch.Generator().manual_seed(5))
    soft *= 3
    at = 0
    for start, end in runs:
        embedded[0, start:end] = soft[at : at + end - start]
        kinds[0, start:end] = 1
        at += end - start
    logits = model(inputs_embeds=embedded, token_type_ids=kinds).logits[0].numpy()
    assert numpy.abs(logits - model(inputs_embeds=embedded).logits[0].numpy())[50:59].max() > 0.1
    floats(OUT / "gemma3-image.soft.f32.gz", soft.numpy())
    golden("gemma3-image", ids, logits, runs=runs)


WIDE, SMALL = 256, 32
ANY = [T.Q4_K, T.Q8_0, T.Q6_K, T.Q4_0, T.Q5_K, T.F32, T.Q4_1, T.F16, T.BF16]
NARROW = [T.Q8_0, T.Q4_1, T.F16, T.Q4_0, T.BF16, T.F32]
SHARED = dict(
    vocab_size=64, hidden_size=WIDE, intermediate_size=SMALL, num_hidden_layers=3, num_attention_heads=2,
    num_key_value_heads=1, head_dim=16, max_position_embeddings=1024, tie_word_embeddings=True,
)
MATRICES = {
    "attn_q": ("self_attn.q_proj", 32, WIDE), "attn_k": ("self_attn.k_proj", 16, WIDE),
    "attn_v": ("self_attn.v_proj", 16, WIDE), "attn_output": ("self_attn.o_proj", WIDE, 32),
    "ffn_gate": ("mlp.gate_proj", SMALL, WIDE), "ffn_up": ("mlp.up_proj", SMALL, WIDE),
    "ffn_down": ("mlp.down_proj", WIDE, SMALL),
}
LLAMA_NORMS = {"attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
GEMMA_NORMS = {
    "attn_norm": "input_layernorm", "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
}
GEMMA3_NORMS = GEMMA_NORMS | {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}


def quantised(arch, kind, config, norms, keys, seed):
    """Every tensor type in one GGUF file; the reference has the values that the gguf package reads from it."""
    random = numpy.random.default_rng(seed)
    gemma = arch != "llama"
    path = OUT / f"{arch}.gguf"
    writer = gguf.GGUFWriter(path, arch)
    for key, value in {
        "block_count": 3, "context_length": 1024, "embedding_length": WIDE, "feed_forward_length": SMALL,
        "attention.head_count": 2, "attention.head_count_kv": 1, "attention.key_length": 16,
        "attention.value_length": 16, **keys,
    }.items():
        add = writer.add_uint32 if isinstance(value, int) else writer.add_float32
        add = writer.add_string if isinstance(value, str) else add
        add(f"{arch}.{key}", value)
    sums, state, types = {}, {}, {"any": 0, "narrow": 0}

    def add(name, transformers_name, shape):
        values = random.standard_normal(shape).astype(numpy.float32)
        if len(shape) == 1:
            tensor, values = T.F32, (1 + 0.3 * values).astype(numpy.float32)
        else:
            group = "any" if shape[1] % 256 == 0 else "narrow"
            choices = ANY if group == "any" else NARROW
            tensor = choices[types[group] % len(choices)]
            types[group] += 1
            values *= 1.5 / shape[1] ** 0.5
        data = stored(values, tensor)
        writer.add_tensor(name + ".weight", data, raw_dtype=tensor)
        values = meant(data, tensor, shape)
        sums[name + ".weight"] = zlib.crc32(values.tobytes())
        if len(shape) == 1 and gemma:
            values = values - numpy.float32(1)
        if not gemma and name.endswith(("attn_q", "attn_k")):
            values = halves(values, shape[0] // 16)
        state[transformers_name + ".weight"] = torch.from_numpy(values.copy())

    add("token_embd", "model.embed_tokens", (64, WIDE))
    for i in range(3):
        for name, (other, rows, columns) in MATRICES.items():
            add(f"blk.{i}.{name}", f"model.layers.{i}.{other}", (rows, columns))
        for name, other in norms.items():
            add(f"blk.{i}.{name}", f"model.layers.{i}.{other}", (16 if name.endswith(("q_norm", "k_norm")) else WIDE,))
    add("output_norm", "model.norm", (WIDE,))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    model = eager(kind, config)
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
    model.tie_weights()
    ids = random_ids(seed, 64)
    golden(f"{arch}-gguf", ids, model(input_ids=torch.tensor([ids])).logits[0].numpy(), crc32=sums)


OUT.mkdir(exist_ok=True)
text("llama", transformers.LlamaForCausalLM, transformers.LlamaConfig(**LLAMA), torch.float32, 11, 1, max_shard_size="50KB")
text("gemma2", transformers.Gemma2ForCausalLM, transformers.Gemma2Config(**GEMMA2), torch.float16, 12, 0)
text("gemma3", transformers.Gemma3ForCausalLM, transformers.Gemma3TextConfig(**GEMMA3), torch.bfloat16, 13, 0)
image()
quantised(
    "llama", transformers.LlamaForCausalLM,
    transformers.LlamaConfig(**SHARED, rms_norm_eps=2e-5, rope_parameters={"rope_type": "default", "rope_theta": 7000.0}),
    LLAMA_NORMS, {"attention.layer_norm_rms_epsilon": 2e-5, "rope.freq_base": 7000.0, "rope.dimension_count": 16}, 21,
)
quantised(
    "gemma2", transformers.Gemma2ForCausalLM,
    transformers.Gemma2Config(
        **SHARED, rms_norm_eps=2e-6, query_pre_attn_scalar=16, sliding_window=24, attn_logit_softcapping=3.0,
        final_logit_softcapping=5.0,
    ),
    GEMMA_NORMS,
    {
        "attention.layer_norm_rms_epsilon": 2e-6, "attention.sliding_window": 24, "attn_logit_softcapping": 3.0,
        "final_logit_softcapping": 5.0,
    },
    22,
)
quantised(
    "gemma3", transformers.Gemma3ForCausalLM,
    transformers.Gemma3TextConfig(
        **SHARED, rms_norm_eps=2e-6, query_pre_attn_scalar=16, sliding_window=24, sliding_window_pattern=2,
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
            "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 50000.0},
        },
    ),
    GEMMA3_NORMS,
    {
        "attention.layer_norm_rms_epsilon": 2e-6, "attention.sliding_window": 24, "rope.freq_base": 50000.0,
        "rope.scaling.type": "linear", "rope.scaling.factor": 8.0, "attention.sliding_window_pattern": 2,
    },
    23,
)
