"""What the teacher says: its probabilities along texts and along answers that it samples itself.

A shard is one batch of conversations. Each asks something about a passage of the texts, or asks for something out of
the teacher's own head; the teacher reads the prompt and goes on by sampling, and what it holds probable is kept for
every position of both. Shards are made from their number and the seed alone and written under a temporary name first,
so an interrupted run goes on with the first that is missing.
"""

import pathlib
import random
import zlib

import numpy
import torch
import transformers

HELD_OUT = 8  # one of so many shards, and one of so many passages, is never trained on
TASKS = [
    "Summarise this text in two sentences.",
    "What is this text about?",
    "Who or what is named in this text? Answer in one sentence.",
    "Explain this text in plain words.",
    "Quote the most important sentence of this text.",
    "Answer with a short quote from the text: what happens first?",
    "List the main points.",
    "What does the text say at its end?",
]
OWN = [
    "Write a short story about {}.",
    "Explain {} to a child.",
    "What should I know about {}?",
    "Give me three facts about {}.",
    "Write a letter to a friend about {}.",
    "How does {} work?",
    "Describe {} in one paragraph.",
    "What are the advantages and disadvantages of {}?",
]
SUBJECTS = """a lighthouse|the moon|a bakery|photosynthesis|a bicycle|honey bees|the Roman empire|a sailing boat|rain
|a computer program|the heart|a volcano|gardening|a railway|chess|tea|an old bridge|electricity|a farm|music|penguins
|the printing press|a budget|teamwork|sleep|glass|a school|solar energy|winter|a market|history|running|a library""".replace("\n", "").split("|")


class Teacher:
    """@param path a GGUF file, or a directory as Hugging Face transformers reads it"""

    def __init__(self, path):
        path = pathlib.Path(path)
        source = (path.parent, {"gguf_file": path.name}) if path.suffix == ".gguf" else (path, {})
        self.path = path
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(source[0], **source[1])
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            source[0], dtype=torch.float32, attn_implementation="eager", **source[1]
        ).eval()
        self.ends = {self.tokenizer.eos_token_id}

    @property
    def head(self):
        """f32[vocabulary, width]"""
        return self.model.get_output_embeddings().weight.detach()

    @property
    def embedding(self):
        """f32[vocabulary, width]"""
        return self.model.get_input_embeddings().weight.detach()

    def prompt(self, text):
        message = [{"role": "user", "content": text}]
        if self.tokenizer.chat_template is None:
            return self.tokenizer.encode(text + "\n\n")
        ids = self.tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        return self.tokenizer.encode(ids, add_special_tokens=False)


def passages(folder, tokenizer, tokens):
    """Runs of about so many tokens of every text file under the folder; (trained on, held out)."""
    files = sorted(p for p in pathlib.Path(folder).rglob("*") if p.suffix in (".txt", ".md", ".rst") and p.is_file())
    found = ([], [])
    for file in files:
        words = file.read_text(encoding="utf-8", errors="replace").split()
        # About three quarters of a word is a token; the exact cut is made in tokens later.
        step = max(8, tokens * 3 // 4)
        for at in range(0, len(words), step):
            passage = " ".join(words[at : at + step])
            held_out = zlib.crc32(passage.encode()) % HELD_OUT == 0
            found[held_out].append(passage)
    if not all(found):
        raise SystemExit(f"{folder}: {len(files)} text files, {sum(map(len, found))} passages (expected: more text)")
    return found


def shard_prompts(teacher, found, number, count, prompt_tokens, seed):
    """Of one shard: all about passages or all without, because rows of one batch are padded to the longest."""
    rng = random.Random(seed * 1_000_003 + number)
    pool = found[number % HELD_OUT == 0]
    for _ in range(count):
        if (number + number // HELD_OUT) % 2:
            text = rng.choice(pool) + "\n\n" + rng.choice(TASKS)
        else:
            text = rng.choice(OWN).format(rng.choice(SUBJECTS))
        # Cut from the front: the task and the template's markers stand at the end.
        yield teacher.prompt(text)[-prompt_tokens:]


@torch.inference_mode()
def make_shard(teacher, prompts, answer_tokens, top, temperature, seed, keep_hidden):
    """Reads the prompts and samples their answers. Rows are left-padded. Arrays, [rows, positions, ...]:

    ids; kind: 0 padding, 1 in the prompt, 2 in the answer, of the token that a position PREDICTS; top: ids of the most
    probable tokens to follow; probability: theirs, f16; hidden: what the head is applied to, f16 (if asked for).
    """
    generator = torch.Generator().manual_seed(seed)
    longest = max(map(len, prompts))
    length = longest + answer_tokens
    rows = len(prompts)
    pad = teacher.tokenizer.pad_token_id or 0
    ids = torch.full((rows, length), pad)
    mask = torch.zeros((rows, length), dtype=torch.long)
    kind = numpy.zeros((rows, length), dtype=numpy.uint8)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) : longest] = torch.tensor(prompt)
        mask[row, longest - len(prompt) : longest] = 1
        kind[row, longest - len(prompt) : longest - 1] = 1
    out_top = numpy.zeros((rows, length, top), dtype=numpy.int32)
    out_probability = numpy.zeros((rows, length, top), dtype=numpy.float16)
    hidden_rows = numpy.zeros((rows, length, teacher.head.shape[1]), dtype=numpy.float16) if keep_hidden else None
    cache = transformers.DynamicCache(config=teacher.model.config)
    backbone = teacher.model.base_model
    alive = torch.ones(rows, dtype=torch.bool)
    at, new = 0, longest
    while True:
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, at : at + new]
        state = backbone(
            input_ids=ids[:, at : at + new],
            attention_mask=mask[:, : at + new],
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        last = None
        # A few positions at a time: all logits of a batch would not fit in a small memory.
        for begin in range(0, new, 16):
            part = slice(at + begin, min(at + new, at + begin + 16))
            logits = logits_of(teacher, state[:, begin : begin + 16])
            probability = torch.softmax(logits, -1)
            value, index = probability.topk(top, -1)
            out_top[:, part], out_probability[:, part] = index.numpy(), value.numpy()
            last = logits[:, -1]
        if keep_hidden:
            hidden_rows[:, at : at + new] = state.numpy()
        at += new
        if at == length or not alive.any():
            break
        chosen = torch.multinomial(torch.softmax(last / temperature, -1), 1, generator=generator)[:, 0]
        kind[alive.numpy(), at - 1] = 2
        ids[:, at] = torch.where(alive, chosen, pad)
        mask[:, at] = alive.long()
        alive &= torch.tensor([int(c) not in teacher.ends for c in chosen])
        new = 1
    shard = {
        "ids": ids[:, :at].numpy().astype(numpy.int32),
        "kind": kind[:, :at],
        "top": out_top[:, :at],
        "probability": out_probability[:, :at],
    }
    if keep_hidden:
        shard["hidden"] = hidden_rows[:, :at]
    return shard


def logits_of(teacher, state):
    logits = teacher.model.get_output_embeddings()(state)
    cap = getattr(teacher.model.config, "final_logit_softcapping", None)
    return cap * torch.tanh(logits / cap) if cap else logits


def write_targets(teacher, args, report):
    """Makes the shards that are missing, up to args.shards."""
    directory = pathlib.Path(args.work) / "shards"
    directory.mkdir(parents=True, exist_ok=True)
    found = passages(args.text, teacher.tokenizer, args.prompt_tokens)
    for number in range(args.shards):
        path = directory / f"{number:05d}.npz"
        if path.exists():
            continue
        prompts = list(shard_prompts(teacher, found, number, args.rows, args.prompt_tokens, args.seed))
        shard = make_shard(
            teacher,
            prompts,
            args.answer_tokens,
            args.top,
            args.temperature,
            args.seed * 1_000_003 + number,
            number % HELD_OUT and number <= args.basis_shards,
        )
        partial = path.with_suffix(".tmp")
        with open(partial, "wb") as out:
            numpy.savez(out, **shard)
        partial.rename(path)
        report(f"shard {number}: {int((shard['kind'] > 0).sum())} positions")
        if report.spent() > args.teacher_minutes * 60:
            report("teacher: the time that was given is spent")
            break


def shards(work, held_out):
    """Paths of the shards that are trained on, or of those that never are."""
    paths = sorted((pathlib.Path(work) / "shards").glob("*.npz"))
    return [p for p in paths if (int(p.stem) % HELD_OUT == 0) == held_out]
