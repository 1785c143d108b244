"""The reference for SmolLM2: tokenizer, chat template and float32 model of Hugging Face, made from a GGUF file alone.

Nothing is downloaded. The tokenizer is built from the vocabulary, merges and token types in the GGUF file, with the
pre-tokenizer that the checkpoint's tokenizer.json names: single digits, then byte level with the GPT-2 expression. The
weights are dequantised by the `gguf` package; rows of Q and K, which GGUF stores with the two halves of each head
interleaved (rotary pairs side by side), are put back into the order that transformers expects.
"""

import importlib.metadata
import os
import pathlib
import platform
import sys

import gguf
import numpy
import tokenizers
import torch
import transformers

CONTROL, USER_DEFINED = 3, 4


def cached(model, file):
    root = os.environ.get("LONGREACH_CACHE")
    if not root:
        root = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "longreach")
    return pathlib.Path(root) / "models" / model / file


SMOLLM2 = cached("smollm2-135m", "SmolLM2-135M-Instruct.Q4_1.gguf")


def versions():
    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "gguf": importlib.metadata.version("gguf"),
        "numpy": numpy.__version__,
    }


class Checkpoint:
    def __init__(self, path=SMOLLM2):
        self.path = pathlib.Path(path)
        self.reader = gguf.GGUFReader(self.path)

    def value(self, key):
        return self.reader.fields[key].contents()

    def tokenizer(self):
        """A tokenizers.Tokenizer; control tokens are special."""
        tokens = self.value("tokenizer.ggml.tokens")
        types = self.value("tokenizer.ggml.token_type")
        merges = [tuple(m.split(" ")) for m in self.value("tokenizer.ggml.merges")]
        assert self.value("tokenizer.ggml.model") == "gpt2" and self.value("tokenizer.ggml.pre") == "smollm"
        bpe = tokenizers.models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges, ignore_merges=False)
        tokenizer = tokenizers.Tokenizer(bpe)
        tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Sequence(
            [
                tokenizers.pre_tokenizers.Digits(individual_digits=True),
                tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=True, use_regex=True),
            ]
        )
        tokenizer.decoder = tokenizers.decoders.ByteLevel()
        tokenizer.add_special_tokens(
            [
                tokenizers.AddedToken(t, special=True, normalized=False)
                for t, kind in zip(tokens, types)
                if kind == CONTROL
            ]
        )
        assert USER_DEFINED not in types and tokenizer.get_vocab_size() == len(tokens)
        return tokenizer

    def chat(self):
        """A transformers tokenizer, for apply_chat_template."""
        chat = transformers.PreTrainedTokenizerFast(tokenizer_object=self.tokenizer())
        chat.chat_template = self.value("tokenizer.chat_template")
        return chat

    def model(self):
        """The model in float32 with eager attention."""
        heads = self.value("llama.attention.head_count")
        kv_heads = self.value("llama.attention.head_count_kv")
        config = transformers.LlamaConfig(
            vocab_size=self.value("llama.vocab_size"),
            hidden_size=self.value("llama.embedding_length"),
            intermediate_size=self.value("llama.feed_forward_length"),
            num_hidden_layers=self.value("llama.block_count"),
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
            max_position_embeddings=self.value("llama.context_length"),
            rms_norm_eps=float(self.value("llama.attention.layer_norm_rms_epsilon")),
            rope_parameters={"rope_type": "default", "rope_theta": float(self.value("llama.rope.freq_base"))},
            tie_word_embeddings=True,
            attention_bias=False,
            mlp_bias=False,
            hidden_act="silu",
        )
        config._attn_implementation = "eager"
        names = {
            "attn_q": "self_attn.q_proj",
            "attn_k": "self_attn.k_proj",
            "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.o_proj",
            "attn_norm": "input_layernorm",
            "ffn_norm": "post_attention_layernorm",
            "ffn_gate": "mlp.gate_proj",
            "ffn_up": "mlp.up_proj",
            "ffn_down": "mlp.down_proj",
        }
        state = {}
        for tensor in self.reader.tensors:
            weight = numpy.asarray(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=numpy.float32)
            weight = weight.reshape(tuple(int(n) for n in reversed(tensor.shape)))
            part = tensor.name.split(".")
            if tensor.name == "token_embd.weight":
                name = "model.embed_tokens.weight"
            elif tensor.name == "output_norm.weight":
                name = "model.norm.weight"
            else:
                assert part[0] == "blk" and part[3] == "weight", tensor.name
                if part[2] in ("attn_q", "attn_k"):
                    weight = halves(weight, heads if part[2] == "attn_q" else kv_heads)
                name = f"model.layers.{part[1]}.{names[part[2]]}.weight"
            state[name] = torch.from_numpy(weight.copy())
        model = transformers.LlamaForCausalLM(config)
        missing, unexpected = model.load_state_dict(state, strict=False)
        assert not unexpected and set(missing) <= {"lm_head.weight"}, (missing, unexpected)
        model.tie_weights()
        assert model.lm_head.weight.data_ptr() == model.model.embed_tokens.weight.data_ptr()
        assert model.config._attn_implementation == "eager"
        return model.float().eval()


def halves(weight, heads):
    """Undoes GGUF's order of rotary pairs: row 2i of a head goes to i, row 2i + 1 to i + headDim / 2."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


def resources(module):
    directory = pathlib.Path(__file__).resolve().parents[2] / module / "src/test/resources/golden"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


if __name__ == "__main__":
    print(versions(), file=sys.stderr)
