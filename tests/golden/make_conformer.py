"""A tiny random Gemma 3n audio tower with its embedder, and what transformers makes of sound: writes
audio-encoder/src/test/resources/golden/conformer/.

usage: make_conformer.py        (some seconds)

README.md beside this script tells the format.
"""

import gzip
import json
import shutil

import numpy
import safetensors.torch
import torch
import transformers
from reference import resources, versions
from tiny import eager, randomise
from transformers.models.gemma3n.modeling_gemma3n import Gemma3nMultimodalEmbedder

OUT = resources("audio-encoder") / "conformer"
MELS, TEXT = 20, 36
# No multiple of the front end's 128, of a chunk's five frames or of the reduction; the first gives one frame.
LENGTHS = [513, 3777, 8000, 20011]
torch.set_grad_enabled(False)


def packed(name, values, kind="<f4"):
    (OUT / name).write_bytes(gzip.compress(numpy.ascontiguousarray(values, dtype=kind).tobytes(), 9, mtime=0))


def sound(samples):
    """Noise, tones that rise, and silence in the middle; in steps of 16 bits."""
    generator = numpy.random.default_rng(samples)
    time = numpy.arange(samples) / 16000
    made = 0.1 * generator.standard_normal(samples) + 0.3 * numpy.sin(2 * numpy.pi * (300 + 900 * time) * time)
    made[samples // 2 : samples // 2 + samples // 8] = 0
    return numpy.clip(numpy.round(made * 32768), -32768, 32767).astype("<i2")


def tower():
    audio = transformers.Gemma3nAudioConfig(
        vocab_size=8, vocab_offset=96, input_feat_size=MELS, hidden_size=24, rms_norm_eps=3e-4, gradient_clipping=1.5,
        conf_attention_chunk_size=5, conf_attention_context_left=4, conf_attention_context_right=2,
        conf_attention_logit_cap=3.0, conf_num_attention_heads=3, conf_num_hidden_layers=3, conf_conv_kernel_size=4,
        conf_reduction_factor=3, conf_residual_weight=0.7, sscp_conv_channel_size=(6, 5), sscp_conv_group_norm_eps=2e-2,
        sscp_conv_kernel_size=((3, 3), (3, 3)), sscp_conv_stride_size=((2, 2), (2, 2)),
    )
    text = transformers.Gemma3nTextConfig(hidden_size=TEXT, num_hidden_layers=1, num_attention_heads=4, vocab_size=96)
    encoder = randomise(eager(transformers.Gemma3nAudioEncoder, audio), 51, 1)
    embedder = randomise(Gemma3nMultimodalEmbedder(audio, text).float().eval(), 52, 1)
    saved = OUT / "tower"
    shutil.rmtree(saved, ignore_errors=True)
    saved.mkdir(parents=True)
    # What a released checkpoint's config.json has of the tower and of the text model's width.
    whole = {"model_type": "gemma3n", "audio_config": audio.to_dict(), "text_config": {"model_type": "gemma3n_text", "hidden_size": TEXT}}
    (saved / "config.json").write_text(json.dumps(whole, indent=2) + "\n")
    weights = {"model.audio_tower." + k: v for k, v in encoder.state_dict().items()}
    weights |= {"model.embed_audio." + k: v for k, v in embedder.state_dict().items()}
    weights = {k: v.to(torch.bfloat16).contiguous() for k, v in weights.items()}
    safetensors.torch.save_file(weights, saved / "model.safetensors")
    for prefix, module in ("model.audio_tower.", encoder), ("model.embed_audio.", embedder):
        module.load_state_dict({k.removeprefix(prefix): v.float() for k, v in weights.items() if k.startswith(prefix)})
    return encoder, embedder


def front(name, **settings):
    """The log-mel of every sound, by an extractor with these settings."""
    extractor = transformers.Gemma3nAudioFeatureExtractor(**settings)
    made = [extractor(s.astype(numpy.float32) / 32768, return_tensors="np") for s in sounds]
    # No frame of a sound that comes alone is masked: the front end here needs no mask.
    assert all(m["input_features_mask"].all() for m in made)
    features = [m["input_features"][0] for m in made]
    packed(f"{name}.f32.gz", numpy.concatenate([f.reshape(-1) for f in features]))
    kept = {"frame_length", "hop_length", "fft_length", "feature_size", "sampling_rate", "min_frequency", "max_frequency",
            "preemphasis", "preemphasis_htk_flavor", "fft_overdrive", "input_scale_factor", "mel_floor", "dither"}
    stored = {k: float(v) if k == "mel_floor" else v for k, v in vars(extractor).items() if k in kept}
    stored |= {k: settings.get(k) for k in ("per_bin_mean", "per_bin_stddev")}
    stored["feature_extractor_type"] = "Gemma3nAudioFeatureExtractor"
    return features, stored


OUT.mkdir(parents=True, exist_ok=True)
encoder, embedder = tower()
sounds = [sound(n) for n in LENGTHS]
packed("sounds.s16.gz", numpy.concatenate(sounds), "<i2")
value = {"made by": "tests/golden/make_conformer.py", "versions": versions(), "lengths": LENGTHS, "fronts": {}}
released, value["fronts"]["released"] = front("released")
_, value["fronts"]["plain"] = front(
    "plain", feature_size=24, frame_length_ms=20.0, fft_overdrive=False, preemphasis=0.9, preemphasis_htk_flavor=False,
    input_scale_factor=0.5, mel_floor=1e-3, min_frequency=60.0, max_frequency=7000.0,
)
features, stored = front(
    "tiny", feature_size=MELS, mel_floor=1e-3, per_bin_mean=[-1 + 0.1 * i for i in range(MELS)],
    per_bin_stddev=[0.8 + 0.05 * i for i in range(MELS)],
)
value["fronts"]["tiny"] = stored
(OUT / "tower" / "preprocessor_config.json").write_text(json.dumps(stored, indent=2) + "\n")
value["frames"] = [len(f) for f in features]
encoded, soft = [], []
for mel in features:
    made = encoder(torch.from_numpy(mel)[None], torch.zeros(1, len(mel), dtype=torch.bool)).last_hidden_state
    encoded.append(made[0].numpy())
    soft.append(embedder(inputs_embeds=made)[0].numpy())
value["tokens"] = [len(s) for s in soft]
for name, values in ("encoded", encoded), ("soft", soft):
    joined = numpy.concatenate(values)
    assert numpy.isfinite(joined).all()
    packed(f"{name}.f32.gz", joined)
    print(name, joined.shape, "up to", numpy.abs(joined).max(), "spread", joined.std())
print("frames", value["frames"], "tokens", value["tokens"])
(OUT / "conformer.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
