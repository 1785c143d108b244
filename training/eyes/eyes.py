#!/usr/bin/env python3
"""Trains a projector that lets a small language model see, and measures what it then sees.

    python training/eyes/eyes.py --model MODEL.gguf --tower efficientnet-lite0.pth --work DIR --out FOLDER

Tower and language model stay as they are. An image becomes 16 soft tokens, which stand before the question; minimised is
the cross entropy of the answer alone. Everything goes to DIR and whatever is there already is used: run it again after an
interruption, or with more steps. README.md beside this file says what was measured.
"""
import argparse
import collections
import hashlib
import json
import pathlib
import random
import time

import numpy
import torch
import transformers
from pictures import ANSWERS, SIDE, draw_picture
from safetensors.torch import load_file, save_file
from tower import DEVIATION, MEAN, Tower, normalised

TRAINED_SEED, HELD_OUT_SEED = 1, 2
SHARD = 50
HIDDEN = 512
SAVE_SECONDS = 60


def report(line):
    print(f"[{time.strftime('%H:%M:%S')}] {line}", flush=True)


class Projector(torch.nn.Module):
    """Features to embeddings: standardised, then linear, GELU (tanh), linear. A place has a bias of its own."""

    def __init__(self, features, tokens, width):
        super().__init__()
        self.register_buffer("mean", torch.zeros(features))
        self.register_buffer("scale", torch.ones(features))
        self.up = torch.nn.Linear(features, HIDDEN)
        self.place = torch.nn.Parameter(torch.zeros(tokens, HIDDEN))
        self.down = torch.nn.Linear(HIDDEN, width)

    def forward(self, features):
        x = self.up((features - self.mean) * self.scale) + self.place
        return self.down(torch.nn.functional.gelu(x, approximate="tanh"))


class Pictures:
    """Features of drawn pictures and their questions, from the shards in DIR; missing ones are made."""

    def __init__(self, tower, work, seed, count):
        work.mkdir(parents=True, exist_ok=True)
        features, self.questions = [], []
        for first in range(0, count, SHARD):
            path = work / f"features-{seed}-{first:06}.npy"
            asked = path.with_suffix(".json")
            if not path.exists():
                drawn = [draw_picture(seed, i) for i in range(first, first + SHARD)]
                asked.write_text(json.dumps([questions for _, questions in drawn]))
                rows = []
                for at in range(0, len(drawn), 25):
                    pixels = torch.stack([normalised(numpy.asarray(p)) for p, _ in drawn[at : at + 25]])
                    rows.append(tower.features(pixels).half().numpy())
                numpy.save(path.with_suffix(".part.npy"), numpy.concatenate(rows))
                path.with_suffix(".part.npy").rename(path)
                report(f"features of pictures {first} to {first + SHARD} of seed {seed}")
            features.append(numpy.load(path))
            self.questions += json.loads(asked.read_text())
        self.features = numpy.concatenate(features)

    def batch(self, chosen):
        """f32[n, tokens, features]"""
        return torch.from_numpy(self.features[chosen]).float()

    def __len__(self):
        return len(self.questions)


class Seer:
    """The frozen language model with soft tokens in place of embeddings."""

    def __init__(self, path):
        path = pathlib.Path(path)
        packed = path.suffix == ".gguf"
        folder, file = (path.parent, {"gguf_file": path.name}) if packed else (path, {})
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **file)
        # Gradients pass through dense weights only.
        dense = {"quantization_config": transformers.GgufConfig(dequantize=True)} if packed else {}
        self.model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.bfloat16, attn_implementation="sdpa", **file, **dense
        ).eval()
        self.model.requires_grad_(False)
        self.embedding = self.model.get_input_embeddings()
        self.width = self.embedding.weight.shape[1]
        text = self.tokenizer.apply_chat_template(
            [{"role": "user", "content": "\x00"}], add_generation_prompt=True, tokenize=False
        )
        before, self.after = text.split("\x00")
        ids = torch.tensor([self.encode(before)])
        with torch.no_grad():
            cache = self.model(ids, use_cache=True).past_key_values
        # The same for every image, so computed once: of each layer, keys and values.
        self.start = [(layer.keys, layer.values) for layer in cache.layers]
        self.begin = ids.shape[1]

    def encode(self, text):
        return self.tokenizer.encode(text, add_special_tokens=False)

    def turn(self, question, answer):
        """Ids that follow the soft tokens, and how many of them, at the end, are the answer with its end of turn."""
        asked = self.encode(question + self.after)
        answered = self.encode(answer) + [self.tokenizer.eos_token_id]
        return asked + answered, len(answered)

    def logits(self, soft, turns):
        """
        Several questions about one image at once: each stands at the same place, and sees the image but no other question.

        @param soft f32[n, tokens, width], or None for no image
        @param turns for each image a list of (ids, answer's count)
        @return f32[answers' tokens, vocabulary], the targets, and of each row (image, question)
        """
        count = len(turns)
        tokens = 0 if soft is None else soft.shape[1]
        length = tokens + max(sum(len(ids) for ids, _ in row) for row in turns)
        ids = torch.zeros(count, length, dtype=torch.long)
        place = torch.zeros(count, length, dtype=torch.long)
        group = torch.full((count, length), -1)
        group[:, :tokens] = 0
        place[:, :tokens] = torch.arange(tokens)
        rows, targets, owners = [], [], []
        for i, row in enumerate(turns):
            at = tokens
            for k, (turn, answered) in enumerate(row):
                end = at + len(turn)
                ids[i, at:end] = torch.tensor(turn)
                place[i, at:end] = tokens + torch.arange(len(turn))
                group[i, at:end] = k + 1
                for t in range(end - answered, end):
                    rows.append(i * length + t - 1)
                    targets.append(int(ids[i, t]))
                    owners.append((i, k))
                at = end
        embedded = self.embedding(ids)
        if soft is not None:
            embedded = torch.cat([soft.to(embedded.dtype), embedded[:, tokens:]], dim=1)
        causal = torch.tril(torch.ones(length, length, dtype=torch.bool))
        same = (group[:, :, None] == group[:, None, :]) | (group[:, None, :] == 0)
        seen = torch.cat([torch.ones(count, length, self.begin, dtype=torch.bool), same & causal], dim=2)
        mask = torch.zeros(seen.shape, dtype=embedded.dtype).masked_fill(~seen, torch.finfo(embedded.dtype).min)
        cache = transformers.DynamicCache()
        for layer, (keys, values) in enumerate(self.start):
            cache.update(keys.expand(count, -1, -1, -1), values.expand(count, -1, -1, -1), layer)
        state = self.model.model(
            inputs_embeds=embedded,
            attention_mask=mask[:, None],
            position_ids=self.begin + place,
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state
        state = state.reshape(count * length, -1)[torch.tensor(rows)]
        return self.model.lm_head(state).float(), torch.tensor(targets), owners


def right(logits, targets, owners):
    """Whether each question's greedy answer is, token for token, the expected one and then ends."""
    outcome = {}
    for owner, hit in zip(owners, (logits.argmax(-1) == targets).tolist()):
        outcome[owner] = outcome.get(owner, True) and hit
    return outcome


def evaluate(seer, projector, pictures, rows=20):
    """Accuracy of each task: seeing, with another picture's soft tokens, without any, and of the commonest answer."""
    tally = collections.defaultdict(collections.Counter)
    said = collections.defaultdict(collections.Counter)
    first = {t: [(a, seer.encode(a)[0]) for a in answers] for t, answers in ANSWERS.items()}
    for task, options in first.items():
        if len({token for _, token in options}) != len(options):
            raise SystemExit(f"{task}: two answers begin with the same token, so they cannot be ranked by it")
    with torch.no_grad():
        for at in range(0, len(pictures), rows):
            asked = pictures.questions[at : at + rows]
            turns = [[seer.turn(q, a) for _, q, a in row] for row in asked]
            own = numpy.arange(at, at + len(asked))
            seen = right(*seer.logits(projector(pictures.batch(own)), turns))
            other = right(*seer.logits(projector(pictures.batch((own + 1) % len(pictures))), turns))
            logits, _, owners = seer.logits(None, turns)
            blind = {}
            for row, (i, k) in enumerate(owners):
                if (i, k) not in blind:
                    blind[i, k] = max(first[asked[i][k][0]], key=lambda option: logits[row, option[1]].item())[0]
            for i, row in enumerate(asked):
                for k, (task, _, answer) in enumerate(row):
                    tally[task].update(
                        questions=1, seeing=seen[i, k], other=other[i, k], blind=blind[i, k] == answer
                    )
                    said[task][answer] += 1
    result = {}
    for task in ANSWERS:
        n = tally[task]["questions"]
        if n:
            result[task] = {"questions": n, "majority": max(said[task].values()) / n}
            result[task] |= {kind: tally[task][kind] / n for kind in ("seeing", "other", "blind")}
    return result


def table(result):
    lines = ["| task | questions | seeing | another picture's tokens | no picture | commonest answer |"]
    lines.append("|---|---|---|---|---|---|")
    for task, row in result.items():
        figures = " | ".join(f"{100 * row[kind]:.0f} %" for kind in ("seeing", "other", "blind", "majority"))
        lines.append(f"| {task} | {row['questions']} | {figures} |")
    return "\n".join(lines)


def export(projector, tower, out, tokens):
    """The projector with where it belongs; the tower's weights, which are another's, in a file of their own."""
    out.mkdir(parents=True, exist_ok=True)
    side = int(tokens**0.5)
    about = {"image_size": str(SIDE), "token_side": str(side), "mean": str(MEAN), "deviation": str(DEVIATION)}
    state = {name: value.half().contiguous() for name, value in projector.state_dict().items()}
    save_file(state, out / "projector.safetensors", about | {"model_type": "efficientnet-lite0-projector"})
    weights = {name: value.contiguous() for name, value in tower.weights.items()}
    save_file(weights, out / "tower.safetensors", {"model_type": "efficientnet-lite0"})
    for name in ("projector", "tower"):
        path = out / f"{name}.safetensors"
        report(f"{path.name}: {path.stat().st_size} bytes, sha256 {hashlib.sha256(path.read_bytes()).hexdigest()}")


def train(options):
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    work = pathlib.Path(options.work)
    tower = Tower(options.tower)
    trained = Pictures(tower, work, TRAINED_SEED, options.pictures)
    held_out = Pictures(tower, work, HELD_OUT_SEED, options.held_out)
    seer = Seer(options.model)
    tokens, features = trained.features.shape[1:]
    projector = Projector(features, tokens, seer.width)
    sample = torch.from_numpy(trained.features[:500]).float().reshape(-1, features)
    projector.mean.copy_(sample.mean(0))
    projector.scale.copy_(1 / (sample.std(0) + 1e-2))
    # Soft tokens begin as large as embeddings are.
    size = seer.embedding.weight.float().std().item()
    torch.nn.init.normal_(projector.down.weight, std=size / HIDDEN**0.5 * 2)
    optimizer = torch.optim.AdamW(projector.parameters(), lr=options.rate, weight_decay=0.01)
    step, seconds = 0, 0.0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=True)
        projector.load_state_dict(saved["projector"])
        optimizer.load_state_dict(saved["optimizer"])
        step, seconds = saved["step"], saved["seconds"]
        report(f"goes on at step {step}")

    def save():
        state = {"projector": projector.state_dict(), "optimizer": optimizer.state_dict()}
        spent = seconds + time.monotonic() - began
        torch.save(state | {"step": step, "seconds": spent}, checkpoint.with_suffix(".part"))
        checkpoint.with_suffix(".part").rename(checkpoint)

    began, losses = time.monotonic(), []
    kept = began
    while step < options.steps and time.monotonic() - began < options.minutes * 60:
        # The rate falls over whichever ends the run, steps or minutes.
        done = max(step / options.steps, (time.monotonic() - began) / (options.minutes * 60))
        for group in optimizer.param_groups:
            group["lr"] = options.rate * min(1, (step + 1) / 30) * max(0.03, 1 - done)
        per_epoch = len(trained) // options.rows
        order = list(range(len(trained)))
        random.Random(f"order/{step // per_epoch}").shuffle(order)
        chosen = order[step % per_epoch * options.rows :][: options.rows]
        soft = projector(trained.batch(chosen))
        turns = [[seer.turn(q, a) for _, q, a in trained.questions[i]] for i in chosen]
        logits, targets, _ = seer.logits(soft, turns)
        loss = torch.nn.functional.cross_entropy(logits, targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(projector.parameters(), 1.0)
        optimizer.step()
        step += 1
        losses.append(loss.item())
        if step % 10 == 0:
            report(f"step {step}: loss {sum(losses[-10:]) / len(losses[-10:]):.3f}")
        if time.monotonic() - kept > SAVE_SECONDS:
            save()
            kept = time.monotonic()
    save()
    seconds += time.monotonic() - began
    out = pathlib.Path(options.out)
    export(projector, tower, out, tokens)
    # Measured as exported.
    rounded = {name: value.float() for name, value in load_file(out / "projector.safetensors").items()}
    projector.load_state_dict(rounded)
    result = evaluate(seer, projector, held_out)
    about = {"steps": step, "pictures": len(trained), "held_out": len(held_out), "seconds": round(seconds)}
    (out / "held-out.json").write_text(json.dumps(about | {"tasks": result}, indent=2) + "\n")
    report(f"held out, after {step} steps\n{table(result)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the language model: a GGUF file or a directory")
    parser.add_argument("--tower", required=True, help="EfficientNet-Lite0's weights: efficientnet-lite0-57934424.pth")
    parser.add_argument("--work", required=True, help="features and checkpoint; may be deleted afterwards")
    parser.add_argument("--out", required=True, help="receives projector, tower and held-out.json")
    parser.add_argument("--pictures", type=int, default=6000, help="drawn to train on, in whole shards of 50")
    parser.add_argument("--held-out", type=int, default=400)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=45, help="most that this run trains")
    parser.add_argument("--rows", type=int, default=16, help="pictures of a step")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--threads", type=int, default=2)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
