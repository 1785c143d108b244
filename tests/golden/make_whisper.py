#!/usr/bin/env python3
"""Golden values for Whisper: features, encoder output, decoder logits and greedy tokens of one sentence.

The reference is transformers' Whisper in float32 on the CPU, given the weights of the CTranslate2 file that the service
itself reads. Writes into audio-encoder/src/test/resources/golden/whisper. Needs numpy, torch, transformers, soundfile or
ffmpeg on the path.

    python tests/golden/make_whisper.py [--model DIR] [--audio FLAC]
"""

import argparse
import json
import os
import struct
import subprocess
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration
from transformers.generation.configuration_utils import GenerationConfig

ROOT = Path(__file__).resolve().parents[2]
RESOURCES = ROOT / "audio-encoder/src/test/resources"
TYPES = [np.float32, np.int8, np.int16, np.int32, np.float16]

# Every 25th frame of the features, these positions of the encoder, every 997th token's logit.
MEL_STRIDE = 25
ENCODER_POSITIONS = [0, 1, 2, 17, 50, 99, 150, 256, 300, 511, 512, 767, 900, 1024, 1300, 1499]
LOGIT_STRIDE = 997


def read_ctranslate2(path):
    data = path.read_bytes()
    at = 0

    def take(fmt):
        nonlocal at
        values = struct.unpack_from("<" + fmt, data, at)
        at += struct.calcsize("<" + fmt)
        return values[0] if len(values) == 1 else values

    def text():
        nonlocal at
        n = take("H")
        value = data[at : at + n - 1].decode()
        at += n
        return value

    assert take("I") == 6 and text() == "WhisperSpec"
    take("I")
    variables = {}
    for _ in range(take("I")):
        name = text()
        rank = take("B")
        shape = [take("I") for _ in range(rank)]
        dtype = np.dtype(TYPES[take("B")])
        size = take("I")
        variables[name] = np.frombuffer(data, dtype, size // dtype.itemsize, at).reshape(shape)
        at += size
    return variables


def f32(array):
    return torch.from_numpy(array.astype(np.float32))


def to_transformers(v):
    """State dict of transformers' WhisperModel from CTranslate2's variables."""
    state = {}

    def norm(to, frm):
        state[to + ".weight"] = f32(v[frm + "/gamma"])
        state[to + ".bias"] = f32(v[frm + "/beta"])

    def linear(to, weight, bias):
        state[to + ".weight"] = weight
        if bias is not None:
            state[to + ".bias"] = bias

    def stacked(to, names, frm):
        weights = f32(v[frm + "/weight"]).chunk(len(names))
        biases = f32(v[frm + "/bias"]).chunk(len(names))
        for name, w, b in zip(names, weights, biases):
            if name == "k_proj":
                assert torch.all(b == 0)
            linear(f"{to}.{name}", w, None if name == "k_proj" else b)

    for conv in ("conv1", "conv2"):
        linear(f"encoder.{conv}", f32(v[f"encoder/{conv}/weight"]), f32(v[f"encoder/{conv}/bias"]))
    for side in ("encoder", "decoder"):
        state[f"{side}.embed_positions.weight"] = f32(v[f"{side}/position_encodings/encodings"])
        norm(f"{side}.layer_norm", f"{side}/layer_norm")
        i = 0
        while f"{side}/layer_{i}/ffn/linear_0/weight" in v:
            to, frm = f"{side}.layers.{i}", f"{side}/layer_{i}"
            norm(f"{to}.self_attn_layer_norm", f"{frm}/self_attention/layer_norm")
            stacked(f"{to}.self_attn", ["q_proj", "k_proj", "v_proj"], f"{frm}/self_attention/linear_0")
            stacked(f"{to}.self_attn", ["out_proj"], f"{frm}/self_attention/linear_1")
            if side == "decoder":
                norm(f"{to}.encoder_attn_layer_norm", f"{frm}/attention/layer_norm")
                stacked(f"{to}.encoder_attn", ["q_proj"], f"{frm}/attention/linear_0")
                stacked(f"{to}.encoder_attn", ["k_proj", "v_proj"], f"{frm}/attention/linear_1")
                stacked(f"{to}.encoder_attn", ["out_proj"], f"{frm}/attention/linear_2")
            norm(f"{to}.final_layer_norm", f"{frm}/ffn/layer_norm")
            stacked(to, ["fc1"], f"{frm}/ffn/linear_0")
            stacked(to, ["fc2"], f"{frm}/ffn/linear_1")
            i += 1
    state["decoder.embed_tokens.weight"] = f32(v["decoder/embeddings/weight"])
    return state


def load(directory):
    v = read_ctranslate2(directory / "model.bin")
    settings = json.loads((directory / "config.json").read_text())
    vocabulary, width = v["decoder/embeddings/weight"].shape
    layers = sum(1 for name in v if name.startswith("encoder/layer_") and name.endswith("ffn/linear_0/weight"))
    end = 50256 if vocabulary == 51864 else 50257
    config = WhisperConfig(
        vocab_size=vocabulary,
        d_model=width,
        num_mel_bins=v["encoder/conv1/weight"].shape[1],
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=int(v["encoder/num_heads"]),
        decoder_attention_heads=int(v["decoder/num_heads"]),
        encoder_ffn_dim=v["encoder/layer_0/ffn/linear_0/weight"].shape[0],
        decoder_ffn_dim=v["decoder/layer_0/ffn/linear_0/weight"].shape[0],
        eos_token_id=end,
        bos_token_id=end,
        pad_token_id=end,
        decoder_start_token_id=end + 1,
        attn_implementation="eager",
    )
    model = WhisperForConditionalGeneration(config).eval()
    missing, unexpected = model.model.load_state_dict(to_transformers(v), strict=False)
    assert not missing and not unexpected, (missing, unexpected)
    model.tie_weights()
    assert vocabulary == 51864, "the golden transcript is made with an English model"
    model.generation_config = GenerationConfig(
        decoder_start_token_id=end + 1,
        eos_token_id=end,
        pad_token_id=end,
        bos_token_id=end,
        is_multilingual=False,
        no_timestamps_token_id=50362,
        return_timestamps=True,
        max_initial_timestamp_index=50,
        suppress_tokens=settings["suppress_ids"],
        begin_suppress_tokens=settings["suppress_ids_begin"],
        max_length=448,
        num_beams=1,
        do_sample=False,
    )
    return model


def main():
    cache = Path(os.environ.get("LONGREACH_CACHE") or Path.home() / ".cache/longreach")
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=cache / "models/whisper-tiny.en")
    parser.add_argument("--audio", type=Path, default=RESOURCES / "audio/librivox-0870.flac")
    args = parser.parse_args()
    out = RESOURCES / "golden/whisper"
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)

    raw = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", args.audio, "-f", "f32le", "-ac", "1", "-ar", "16000", "-"],
        check=True,
        stdout=subprocess.PIPE,
    ).stdout
    samples = np.frombuffer(raw, np.float32)
    model = load(args.model)
    extractor = WhisperFeatureExtractor(feature_size=model.config.num_mel_bins)
    features = extractor(samples, sampling_rate=16000, return_tensors="pt").input_features
    with torch.no_grad():
        encoded = model.model.encoder(features).last_hidden_state
        tokens = model.generate(features, return_timestamps=True)[0].tolist()
        start = model.generation_config.decoder_start_token_id
        sampled = [t for t in tokens if t not in (start, model.generation_config.eos_token_id)]
        ids = torch.tensor([[start] + sampled])
        logits = model(encoder_outputs=(encoded,), decoder_input_ids=ids).logits[0]

    features[0].T[::MEL_STRIDE].contiguous().numpy().tofile(out / "mel.f32")
    encoded[0][ENCODER_POSITIONS].contiguous().numpy().tofile(out / "encoder.f32")
    logits[:, ::LOGIT_STRIDE].contiguous().numpy().tofile(out / "logits.f32")
    (out / "golden.json").write_text(
        json.dumps(
            {
                "reference": f"transformers {transformers.__version__}, torch {torch.__version__}, float32, eager",
                "audio": args.audio.name,
                "samples": len(samples),
                "mel_stride": MEL_STRIDE,
                "encoder_positions": ENCODER_POSITIONS,
                "logit_stride": LOGIT_STRIDE,
                "tokens": sampled,
            },
            indent=1,
        )
        + "\n"
    )
    print(sampled)


if __name__ == "__main__":
    main()
