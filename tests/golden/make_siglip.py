"""A tiny random SigLIP tower with Gemma 3's projector, and what transformers makes of pixels: writes
vision-encoder/src/test/resources/golden/siglip/.

usage: make_siglip.py        (some seconds; needs torchvision beside the usual packages)

README.md beside this script tells the format.
"""

import gzip
import json
import shutil

import gguf
import numpy
import safetensors.torch
import torch
import torchvision
import transformers
from reference import resources, versions
from siglip_noise import noise
from tiny import GEMMA3, eager, randomise

OUT = resources("vision-encoder") / "siglip"
IMAGE, PATCH, SIDE = 120, 5, 6
torch.set_grad_enabled(False)


def floats(name, values):
    data = numpy.ascontiguousarray(values, dtype="<f4").tobytes()
    (OUT / name).write_bytes(gzip.compress(data, 9, mtime=0))


def config(side):
    """More patches than a page of the cache holds, widths that are no multiple of anything."""
    vision = transformers.SiglipVisionConfig(
        hidden_size=36, intermediate_size=44, num_hidden_layers=3, num_attention_heads=2, image_size=IMAGE,
        patch_size=PATCH, layer_norm_eps=3e-6, vision_use_head=False,
    )
    text = transformers.Gemma3TextConfig(**GEMMA3 | {"num_hidden_layers": 1})
    return transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=side * side, image_token_index=95)


def tower():
    model = randomise(eager(transformers.Gemma3ForConditionalGeneration, config(SIDE)), 41, 0)
    for name, weight in model.named_parameters():
        # A LayerNorm's weight is near one; the projector's norm adds that itself.
        if "layer_norm" in name or "layernorm" in name and "vision" in name:
            weight += 1 if name.endswith("weight") else 0
    seen = {k: v for k, v in model.state_dict().items() if "vision_tower" in k or "multi_modal_projector" in k}
    saved = OUT / "tower"
    shutil.rmtree(saved, ignore_errors=True)
    saved.mkdir(parents=True)
    model.config.save_pretrained(saved)
    # By the names of released checkpoints, which are those of the saved ones.
    seen = {
        k.replace("model.vision_tower.", "vision_tower.").replace("model.multi_modal", "multi_modal"): v.to(torch.bfloat16)
        for k, v in seen.items()
    }
    safetensors.torch.save_file(seen, saved / "model.safetensors")
    (saved / "preprocessor_config.json").write_text(json.dumps({"image_mean": [0.5] * 3, "image_std": [0.5] * 3}) + "\n")
    return seen


def mmproj(seen):
    """The same tower as llama.cpp's converter writes it: matrices in f16, what is one-dimensional in f32."""
    writer = gguf.GGUFWriter(OUT / "mmproj.gguf", "clip")
    writer.add_bool("clip.has_vision_encoder", True)
    writer.add_clip_projector_type("gemma3")
    writer.add_vision_use_gelu(True)
    writer.add_vision_image_size(IMAGE)
    writer.add_vision_patch_size(PATCH)
    writer.add_vision_embedding_length(36)
    writer.add_vision_feed_forward_length(44)
    writer.add_vision_block_count(3)
    writer.add_vision_head_count(2)
    writer.add_vision_attention_layernorm_eps(3e-6)
    writer.add_vision_projection_dim(36)
    writer.add_vision_image_mean([0.5] * 3)
    writer.add_vision_image_std([0.5] * 3)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.MMPROJ, 3)
    rounded = {}
    for name, values in seen.items():
        stored = names.get_name(name, try_suffixes=(".weight", ".bias"))
        # The map knows the names of released checkpoints, which have another level.
        stored = stored or names.get_name(name.replace("vision_tower.", "vision_tower.vision_model."), (".weight", ".bias"))
        stored = stored or "mm.input_projection.weight"
        assert name.startswith("vision") or stored.startswith("mm."), name
        values = values.float().numpy()
        values = values + 1 if stored.startswith("mm.soft_emb_norm") else values
        half = values.ndim > 1 and "position" not in stored
        values = values.astype(numpy.float16 if half else numpy.float32)
        writer.add_tensor(stored, values)
        meant = torch.from_numpy(values.astype(numpy.float32))
        rounded[name] = meant - 1 if stored.startswith("mm.soft_emb_norm") else meant
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return rounded


def soft(seen, pixels, side):
    model = eager(transformers.Gemma3ForConditionalGeneration, config(side))
    prefix = "model." if any(k.startswith("model.vision_tower") for k in model.state_dict()) else ""
    missing, unexpected = model.load_state_dict({prefix + k: v.float() for k, v in seen.items()}, strict=False)
    assert not unexpected and not any("vision" in k or "projector" in k for k in missing), (missing, unexpected)
    tokens = model.model.get_image_features(pixels).pooler_output
    return torch.cat(list(tokens)).reshape(len(pixels), side * side, -1).numpy()


def processor(size, **more):
    return transformers.Gemma3ImageProcessor(
        size={"height": size, "width": size}, image_mean=[0.5] * 3, image_std=[0.5] * 3,
        pan_and_scan_min_crop_size=256, pan_and_scan_max_num_crops=4, pan_and_scan_min_ratio_to_activate=1.2, **more,
    )


def scaled():
    """What the image processor makes of noise of many sizes, whole or cut."""
    cases, values = [], []
    for seed, (width, height, cut) in enumerate(
        [(300, 200, 0), (80, 50, 0), (40, 40, 0), (121, 40, 0), (31, 97, 0), (1, 1, 0), (2, 1000, 0), (41, 39, 0),
         (700, 300, 1), (1130, 270, 1), (300, 620, 1), (320, 300, 1)]
    ):
        made = processor(40, do_pan_and_scan=bool(cut))(noise(width, height, seed), return_tensors="np", input_data_format="channels_last")
        crops = int(made["num_crops"][0]) if cut else 0
        assert made["pixel_values"].shape == (1 + crops, 3, 40, 40)
        cases.append({"width": width, "height": height, "seed": seed, "cut": bool(cut), "crops": crops})
        values.append(made["pixel_values"].reshape(-1))
    floats("scaled.f32.gz", numpy.concatenate(values))
    return cases


def crops():
    """Where the image processor cuts, for sizes around every limit."""
    lengths = [1, 2, 213, 255, 256, 257, 306, 307, 308, 384, 511, 512, 513, 640, 767, 768, 769, 895, 896, 1000, 1279, 1280, 1281, 2000, 2600]
    found = []
    for width in lengths:
        for height in lengths:
            # Positions are read off values: a plane of columns and one of rows.
            image = torch.stack([torch.arange(width).expand(height, width), torch.arange(height)[:, None].expand(height, width)])
            cut = processor(40).pan_and_scan_batched(image[None], 256, 4, 1.2)
            if cut:
                found.append([width, height, [[int(c[0, 0, 0, 0]), int(c[0, 1, 0, 0]), c.shape[-1], c.shape[-2]] for c in cut]])
    return {"lengths": lengths, "cut": found}


OUT.mkdir(parents=True, exist_ok=True)
weights = tower()
images = numpy.stack([noise(IMAGE, IMAGE, seed) for seed in range(2)])
pixels = (torch.from_numpy(images).permute(0, 3, 1, 2).float() - 127.5) / 127.5
for name, side, seen in ("soft", SIDE, weights), ("soft-low", SIDE // 2, weights), ("soft-gguf", SIDE, mmproj(weights)):
    made = soft(seen, pixels, side)
    assert numpy.isfinite(made).all() and numpy.abs(made[0] - made[1]).max() > 0.1
    floats(f"{name}.f32.gz", made)
    print(name, made.shape, "up to", numpy.abs(made).max(), "spread", made.std())
value = {"made by": "tests/golden/make_siglip.py", "versions": versions() | {"torchvision": torchvision.__version__}}
value |= {"scaled": scaled(), "crops": crops()}
(OUT / "siglip.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
