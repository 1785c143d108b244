"""The draft: a small Llama that starts from what its teacher's embedding and head already know."""

import pathlib

import gguf
import numpy
import torch
import transformers


def new_student(teacher, args, basis_shards):
    """
    A Llama of the asked size whose head spans what the teacher's head says of the hidden states that occur, and whose
    embedding is the best linear guess, from the current token alone, of the hidden state in that span.

    With C the second moment of the teacher's final hidden states h and E its head, the singular vectors of E C^(1/2)
    give the rank-r head E C^(1/2) V that loses least of the logits E h (as SVD-LLM truncates weights, arXiv 2403.07378),
    and V' C^(-1/2) h is the state that this head wants to see.
    """
    config = transformers.LlamaConfig(
        vocab_size=teacher.head.shape[0],
        hidden_size=args.width,
        intermediate_size=args.feed_forward,
        num_hidden_layers=args.layers,
        num_attention_heads=args.width // args.head_dim,
        num_key_value_heads=max(1, args.width // args.head_dim // 3),
        head_dim=args.head_dim,
        max_position_embeddings=getattr(teacher.model.config, "max_position_embeddings", 8192),
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=False,
        bos_token_id=teacher.tokenizer.bos_token_id,
        eos_token_id=teacher.tokenizer.eos_token_id,
    )
    torch.manual_seed(args.seed)
    student = transformers.LlamaForCausalLM(config).float()
    ids, hidden = [], []
    for path in basis_shards:
        shard = numpy.load(path)
        if "hidden" in shard:
            used = shard["kind"] > 0
            ids.append(shard["ids"][used])
            hidden.append(shard["hidden"][used].astype(numpy.float32))
    ids, hidden = torch.from_numpy(numpy.concatenate(ids)).long(), torch.from_numpy(numpy.concatenate(hidden))
    moment = hidden.T @ hidden / len(hidden)
    value, vector = torch.linalg.eigh(moment.double())
    value = value.clamp(min=value.max() * 1e-6)
    root = (vector * value.sqrt()) @ vector.T
    inverse_root = (vector / value.sqrt()) @ vector.T
    # The right singular vectors of E C^(1/2), through its small Gram matrix.
    head = teacher.head.double()
    _, right = torch.linalg.eigh(root @ (head.T @ head) @ root)
    right = right.flip(1)[:, : args.width]
    wanted = (hidden.double() @ inverse_root @ right).float()
    embedding = teacher.embedding.float()
    embedding = embedding / embedding.pow(2).mean().sqrt()
    x = embedding[ids].double()
    ridge = 0.01 * len(x) * torch.eye(x.shape[1], dtype=torch.float64)
    guess = torch.linalg.solve(x.T @ x + ridge, x.T @ wanted.double())
    with torch.no_grad():
        student.lm_head.weight.copy_(head @ root @ right)
        student.model.embed_tokens.weight.copy_(embedding.double() @ guess)
    ceiling = wanted, student.lm_head.weight.detach()
    return student, ceiling


def rows_of_rotary_pairs(weight, heads):
    """GGUF keeps the two members of a rotary pair side by side: row i of a head goes to 2i, row i + headDim / 2 to 2i + 1."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def export(student, teacher, args, out):
    """Writes a GGUF file beside a GGUF teacher's tokenizer, or a safetensors directory beside the tokenizer's files."""
    out = pathlib.Path(out)
    if out.suffix != ".gguf":
        student.save_pretrained(out)
        teacher.tokenizer.save_pretrained(out)
        return
    if teacher.path.suffix != ".gguf":
        raise SystemExit(f"--out: {out} (expected: a directory, because the teacher is no GGUF file)")
    c = student.config
    writer = gguf.GGUFWriter(out, "llama")
    writer.add_name(f"draft of {teacher.path.stem}")
    writer.add_block_count(c.num_hidden_layers)
    writer.add_context_length(c.max_position_embeddings)
    writer.add_embedding_length(c.hidden_size)
    writer.add_feed_forward_length(c.intermediate_size)
    writer.add_head_count(c.num_attention_heads)
    writer.add_head_count_kv(c.num_key_value_heads)
    writer.add_key_length(c.head_dim)
    writer.add_value_length(c.head_dim)
    writer.add_rope_dimension_count(c.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_layer_norm_rms_eps(c.rms_norm_eps)
    writer.add_vocab_size(c.vocab_size)
    for key, field in gguf.GGUFReader(teacher.path).fields.items():
        if key.startswith("tokenizer."):
            sub_type = field.types[-1] if field.types[0] == gguf.GGUFValueType.ARRAY else None
            writer.add_key_value(key, field.contents(), field.types[0], sub_type)
    kind = gguf.GGMLQuantizationType[args.type.upper()]
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    parts = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
    }
    whole = {"model.embed_tokens": "token_embd", "model.norm": "output_norm", "lm_head": "output"}
    for name, weight in student.state_dict().items():
        name = name.removesuffix(".weight")
        data = weight.detach().numpy().astype(numpy.float32)
        if name in whole:
            target = whole[name]
        else:
            _, _, layer, part = name.split(".", 3)
            target = f"blk.{layer}.{parts[part]}"
            if part.endswith("q_proj"):
                data = rows_of_rotary_pairs(data, c.num_attention_heads)
            elif part.endswith("k_proj"):
                data = rows_of_rotary_pairs(data, c.num_key_value_heads)
        data = numpy.ascontiguousarray(data)
        if data.ndim == 1:
            writer.add_tensor(target + ".weight", data)
        else:
            # The layers weigh little beside the head, and a draft feels their rounding more.
            used = kind if target in ("output", "token_embd") else gguf.GGMLQuantizationType.Q8_0
            packed = data if used == gguf.GGMLQuantizationType.F32 else gguf.quantize(data, used)
            writer.add_tensor(target + ".weight", packed, raw_dtype=used)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
