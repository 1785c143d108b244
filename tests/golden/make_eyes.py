"""A tiny Gemma 3 that sees, as a whole: tower, projector, language model, tokenizer and template, and what transformers says
to pictures; writes tests/src/test/resources/golden/eyes/.

usage: make_eyes.py        (some seconds; needs torchvision beside the usual packages)

README.md beside this script tells the format.
"""

import gzip
import json
import shutil

import numpy
import sentencepiece_like
import torch
import torchvision
import transformers
from reference import resources, versions
from siglip_noise import noise
from tiny import GEMMA3, eager, randomise

OUT = resources("tests") / "eyes"
IMAGE, PATCH, SIDE = 64, 4, 4
# Beyond these many ids an answer need not be followed.
GREEDY = 12
torch.set_grad_enabled(False)

TEMPLATE = (resources("lm-core") / "families" / "gemma3-chat" / "chat_template.jinja").read_text()


def model(tokenizer):
    vision = transformers.SiglipVisionConfig(
        hidden_size=24, intermediate_size=28, num_hidden_layers=2, num_attention_heads=2, image_size=IMAGE,
        patch_size=PATCH, vision_use_head=False,
    )
    text = GEMMA3 | dict(
        vocab_size=tokenizer.get_vocab_size(), hidden_size=24, num_attention_heads=2, num_hidden_layers=6,
        intermediate_size=24, eos_token_id=[tokenizer.token_to_id("<eos>"), tokenizer.token_to_id("<end_of_turn>")],
    )
    config = transformers.Gemma3Config(
        text_config=transformers.Gemma3TextConfig(**text), vision_config=vision, mm_tokens_per_image=SIDE * SIDE,
        image_token_index=tokenizer.token_to_id("<image_soft_token>"), boi_token_index=tokenizer.token_to_id("<start_of_image>"),
        eoi_token_index=tokenizer.token_to_id("<end_of_image>"), eos_token_id=text["eos_token_id"],
    )
    config.text_config._attn_implementation = "eager"
    made = randomise(eager(transformers.Gemma3ForConditionalGeneration, config), 51, 0)
    for name, weight in made.named_parameters():
        if "vision" in name and ("layer_norm" in name or "layernorm" in name) and name.endswith("weight"):
            weight += 1
        # What the projector gives is nearly of unit size; embeddings are multiplied by the root of the width.
        if name.endswith("embed_tokens.weight"):
            weight *= 0.4
    made.to(torch.bfloat16).save_pretrained(OUT / "model")
    (OUT / "model" / "generation_config.json").unlink(missing_ok=True)
    # Not made.float(): that would keep the rotary frequencies as the short type had rounded them.
    made = transformers.Gemma3ForConditionalGeneration.from_pretrained(
        OUT / "model", dtype=torch.float32, attn_implementation="eager"
    ).eval()
    assert made.model.language_model.config._attn_implementation == "eager"
    return made


def prompt(name, items):
    """A user's turn of texts and of pictures, each (width, height, seed)."""
    content = [{"type": "text", "text": i} if isinstance(i, str) else {"type": "image"} for i in items]
    text = chat.apply_chat_template([{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True)
    run = "\n\n<start_of_image>" + "<image_soft_token>" * SIDE * SIDE + "<end_of_image>\n\n"
    ids = tokenizer.encode(text.replace("<start_of_image>", run), add_special_tokens=False).ids
    pictures = [noise(*i) for i in items if not isinstance(i, str)]
    pixels = processor(pictures, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
    soft = tokenizer.token_to_id("<image_soft_token>")

    def logits(ids, pixels):
        ids = torch.tensor([ids])
        return seeing(input_ids=ids, pixel_values=pixels, token_type_ids=(ids == soft).long()).logits[0]

    found = logits(ids, pixels)
    other = logits(ids, pixels.flip(3))
    changed = float((found[-1] - other[-1]).abs().max())
    assert changed > 0.1, changed
    chosen, margins = [], []
    for _ in range(GREEDY):
        last = logits(ids + chosen, pixels)[-1]
        top = last.topk(2).values
        margins.append(float(top[0] - top[1]))
        chosen.append(int(last.argmax()))
    said = tokenizer.decode(chosen, skip_special_tokens=True)
    print(name, len(ids), "ids; turned pictures change logits by", changed, "greedy", repr(said), "least margin", min(margins))
    (OUT / f"{name}.logits.f32.gz").write_bytes(
        gzip.compress(numpy.ascontiguousarray(found[::POSITIONS].numpy(), dtype="<f4").tobytes(), 9, mtime=0)
    )
    return {
        "name": name, "items": items, "ids": ids, "every": POSITIONS, "greedy": chosen, "text": said, "least margin": min(margins)
    }


POSITIONS = 5
OUT.mkdir(parents=True, exist_ok=True)
shutil.rmtree(OUT / "model", ignore_errors=True)
tokenizer = sentencepiece_like.write(OUT / "model")
(OUT / "model" / "tokenizer.gguf").unlink()
tokenizer.encode_special_tokens = False
chat = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<bos>", eos_token="<eos>")
chat.chat_template = TEMPLATE
(OUT / "model" / "chat_template.jinja").write_text(TEMPLATE)
(OUT / "model" / "tokenizer_config.json").write_text(json.dumps({"bos_token": "<bos>", "eos_token": {"content": "<eos>"}}) + "\n")
halves = {"image_mean": [0.5] * 3, "image_std": [0.5] * 3}
(OUT / "model" / "preprocessor_config.json").write_text(json.dumps(halves) + "\n")
processor = transformers.Gemma3ImageProcessor(size={"height": IMAGE, "width": IMAGE}, **halves)
seeing = model(tokenizer)
value = {"made by": "tests/golden/make_eyes.py", "versions": versions() | {"torchvision": torchvision.__version__}}
value["prompts"] = [
    prompt("one", [[90, 70, 3], "What is it?"]),
    prompt("three", ["God made", [64, 64, 1], [33, 200, 2], "and saw", [150, 40, 4], "Which is good?"]),
]
(OUT / "eyes.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")
