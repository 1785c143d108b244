"""Makes the golden files of RecurrentGemma: a tiny random model and its logits by transformers, in float32 and eager.

    python tests/golden/make_recurrentgemma.py

writes lm-core/src/test/resources/golden/recurrentgemma: config.json and model.safetensors as transformers saves them,
ids.json with the token ids, and logits.f32, little endian [ids, vocabulary], of one prefill over all of them.

transformers pads the convolution's history with zeros whenever a call has more than one token, so a prefill in several
calls is not a reference there: the script compares its one prefill with a shorter one continued token by token, past the
window, and nothing else.
"""

import json
import pathlib

import numpy
import torch
import transformers

OUT = pathlib.Path(__file__).parents[2] / "lm-core/src/test/resources/golden/recurrentgemma"
SEED = 20261125
TOKENS = 300


def model():
    torch.manual_seed(SEED)
    config = transformers.RecurrentGemmaConfig(
        num_hidden_layers=5,
        vocab_size=61,
        hidden_size=40,
        intermediate_size=112,
        num_attention_heads=5,
        num_key_value_heads=1,
        lru_width=40,
        attention_window_size=23,
        conv1d_width=4,
        block_types=["recurrent", "recurrent", "attention"],
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=1,
        attn_implementation="eager",
    )
    made = transformers.RecurrentGemmaForCausalLM(config).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("norm.weight"):
                parameter.copy_(0.3 * torch.randn_like(parameter))
            elif name.endswith("bias"):
                parameter.copy_(0.2 * torch.randn_like(parameter))
            elif name.endswith("recurrent_param"):
                # Decays from almost none to half in a step.
                parameter.copy_(torch.linspace(-7, 1, parameter.numel()))
            elif name.endswith("gate_weight"):
                parameter.copy_(torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
            elif name.endswith("conv_1d.weight"):
                parameter.copy_(0.6 * torch.randn_like(parameter))
            elif name.endswith("embed_tokens.weight"):
                parameter.copy_(0.5 * torch.randn_like(parameter))
            else:
                parameter.copy_(1.2 * torch.randn_like(parameter) * parameter.shape[-1] ** -0.5)
    return made


def main():
    made = model()
    generator = torch.Generator().manual_seed(SEED + 1)
    ids = torch.randint(3, made.config.vocab_size, (1, TOKENS), generator=generator)
    with torch.no_grad():
        whole = made(input_ids=ids, use_cache=False).logits[0].numpy()
        for prefill in (7, 100):
            cache = transformers.DynamicCache(config=made.config)
            step = made(input_ids=ids[:, :prefill], cache=cache, use_cache=True)
            worst = numpy.abs(step.logits[0].numpy() - whole[:prefill]).max()
            for t in range(prefill, prefill + 60):
                step = made(
                    input_ids=ids[:, t : t + 1], cache=cache, use_cache=True, position_ids=torch.tensor([[t]])
                )
                worst = max(worst, numpy.abs(step.logits[0, -1].numpy() - whole[t]).max())
            print(f"prefill of {prefill} and 60 single steps against one prefill: {worst:.2e}")
            assert worst < 1e-4
    OUT.mkdir(parents=True, exist_ok=True)
    made.save_pretrained(OUT)
    (OUT / "generation_config.json").unlink(missing_ok=True)
    (OUT / "ids.json").write_text(json.dumps({
        "made_by": "tests/golden/make_recurrentgemma.py",
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "ids": ids[0].tolist(),
    }) + "\n")
    whole.astype("<f4").tofile(OUT / "logits.f32")
    print("logits", whole.shape, "largest", numpy.abs(whole).max(), "deviation", whole.std())


if __name__ == "__main__":
    main()
