"""A SigLIP-so400m tower with Gemma 3 4B's projector, of full size and random weights, and how fast PyTorch computes it.

usage: make_siglip_so400m.py DIRECTORY [--layers N] [--time THREADS]

The weights are of the right size and spread, so that speed is that of the real ones; what is computed means nothing.
"""

import argparse
import pathlib
import time

import safetensors.torch
import torch
import transformers

arguments = argparse.ArgumentParser()
arguments.add_argument("directory", type=pathlib.Path)
arguments.add_argument("--time", type=int, metavar="THREADS")
arguments.add_argument("--layers", type=int, default=27)
given = arguments.parse_args()
torch.set_grad_enabled(False)

vision = transformers.SiglipVisionConfig(
    hidden_size=1152, intermediate_size=4304, num_hidden_layers=given.layers, num_attention_heads=16, image_size=896, patch_size=14,
    vision_use_head=False,
)
if not given.time:
    torch.manual_seed(1)
    tower = transformers.SiglipVisionModel(vision).to(torch.bfloat16)
    weights = {f"vision_tower.{k.removeprefix('vision_model.')}": v for k, v in tower.state_dict().items() if "position_ids" not in k}
    weights["multi_modal_projector.mm_input_projection_weight"] = torch.randn(1152, 2560, dtype=torch.bfloat16) * 0.03
    weights["multi_modal_projector.mm_soft_emb_norm.weight"] = torch.zeros(1152, dtype=torch.bfloat16)
    text = transformers.Gemma3TextConfig(hidden_size=2560)
    given.directory.mkdir(parents=True, exist_ok=True)
    transformers.Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=256).save_pretrained(given.directory)
    safetensors.torch.save_file(weights, given.directory / "model.safetensors")
else:
    torch.set_num_threads(given.time)
    stored = safetensors.torch.load_file(given.directory / "model.safetensors")
    pixels = torch.rand(1, 3, 896, 896) * 2 - 1
    for dtype in (torch.float32, torch.bfloat16):
        tower = transformers.SiglipVisionModel(vision).eval()
        named = {k.removeprefix("vision_tower."): v for k, v in stored.items() if k.startswith("vision_tower.")}
        if any(k.startswith("vision_model.") for k in tower.state_dict()):
            named = {"vision_model." + k: v for k, v in named.items()}
        tower.load_state_dict(named)
        tower = tower.to(dtype)
        for _ in range(2):
            begun = time.perf_counter()
            tower(pixels.to(dtype))
            took = time.perf_counter() - begun
        print(f"PyTorch {torch.__version__}, {dtype}, {given.time} threads: {took:.1f} s an image", flush=True)
