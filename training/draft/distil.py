#!/usr/bin/env python3
"""Distils a small Llama draft, for speculative sampling, from the model that it will draft for.

    python training/draft/distil.py --teacher MODEL.gguf --text FOLDER --work DIR --out draft.gguf

The draft learns the teacher's own probabilities ("soft targets") instead of the next word of a text: minimise
-sum_v P_teacher(v | context) log P_draft(v | context), over the teacher's most probable tokens at each position, as
Gemma 2 and Gemma 3 are trained. The contexts are your texts in chat prompts, and the teacher's own sampled answers.

Everything goes to DIR and whatever is there already is used: run it again after an interruption, or with more minutes,
more shards or more steps. README.md beside this file explains options and what was measured.
"""
import argparse
import json
import pathlib
import random
import signal
import time
import warnings

import numpy
import torch
from student import export, new_student
from targets import Teacher, shards, write_targets


class Stop:
    """Set by SIGTERM or SIGINT: training ends after the step, saves and exports what there is."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self.ask)
        signal.signal(signal.SIGINT, self.ask)

    def ask(self, *_):
        self.asked = True


class Report:
    """Says what happens; counts processor time, since a niced run on a busy machine has little of the wall clock."""

    def __init__(self):
        self.restart()

    def restart(self):
        self.began = time.process_time()

    def spent(self):
        return time.process_time() - self.began

    def __call__(self, line):
        print(f"[{time.strftime('%H:%M:%S')}, {self.spent():.0f} s of processor time] {line}", flush=True)


class Batches:
    """Rows of the shards in an order that depends on the seed and the step alone, so that a run can go on anywhere."""

    def __init__(self, paths, rows, seed, top):
        self.rows, self.seed, self.top = rows, seed, top
        self.samples = []
        for path in paths:
            shard = numpy.load(path)
            for row in range(len(shard["ids"])):
                used = numpy.flatnonzero(shard["kind"][row])
                if len(used):
                    cut = slice(used[0], used[-1] + 1)
                    self.samples.append(
                        (
                            shard["ids"][row, cut],
                            shard["kind"][row, cut],
                            shard["top"][row, cut, :top],
                            shard["probability"][row, cut, :top],
                        )
                    )

    def positions(self):
        return sum(len(sample[0]) for sample in self.samples)

    def order(self, epoch):
        order = list(range(len(self.samples)))
        random.Random(self.seed + epoch).shuffle(order)
        return order

    def batch(self, step):
        per_epoch = max(1, len(self.samples) // self.rows)
        order = self.order(step // per_epoch)
        begin = step % per_epoch * self.rows
        return self.padded([self.samples[i] for i in order[begin : begin + self.rows]])

    @staticmethod
    def padded(samples):
        """Padded behind: attention is causal, so what stands there changes nothing before it."""
        longest = max(len(s[0]) for s in samples)

        def stack(field, dtype):
            first = samples[0][field]
            out = numpy.zeros((len(samples), longest) + first.shape[1:], dtype=dtype)
            for row, sample in enumerate(samples):
                out[row, : len(sample[field])] = sample[field]
            return torch.from_numpy(out)

        return stack(0, numpy.int64), stack(1, numpy.int64), stack(2, numpy.int64), stack(3, numpy.float32)


def soft_loss(student, batch, negatives, generator):
    """
    Cross entropy against the teacher's probabilities. The sum over the vocabulary is exact over every token that the
    teacher names anywhere in the batch, and sampled over the rest, weighted by how many each sampled one stands for:
    a few thousand rows of the head for each step instead of all.
    """
    ids, kind, top, probability = batch
    state = student.model(input_ids=ids).last_hidden_state[kind > 0]
    top, probability = top[kind > 0], probability[kind > 0]
    probability = probability / probability.sum(-1, keepdim=True).clamp(min=1e-6)
    vocabulary = student.config.vocab_size
    named = torch.zeros(vocabulary, dtype=torch.bool)
    named[top] = True
    candidates = named.nonzero()[:, 0]
    place = torch.full((vocabulary,), -1)
    place[candidates] = torch.arange(len(candidates))
    rest = (~named).nonzero()[:, 0]
    drawn = rest[torch.randint(len(rest), (min(negatives, len(rest)),), generator=generator)]
    rows = student.lm_head.weight[torch.cat([candidates, drawn])]
    logits = state @ rows.T
    logits[:, len(candidates) :] += float(numpy.log(max(1, len(rest)) / max(1, len(drawn))))
    chosen = logits.gather(1, place[top])
    return (torch.logsumexp(logits, -1) - (probability * chosen).sum(-1)).mean()


@torch.inference_mode()
def acceptance(student, batches, limit):
    """
    The mean over positions of sum_v min(P_teacher, P_draft): the rate at which speculative sampling keeps a drafted
    token (arXiv 2302.01318). What the teacher gives to tokens beyond the kept ones is unknown; it counts as 0 here, so
    these are lower bounds; `unknown` is by how much they may be too low. Greedy: how often both find the same token best.
    """
    sums = numpy.zeros((3, 4))
    for begin in range(0, min(limit, len(batches.samples)), 4):
        ids, kind, top, probability = batches.padded(batches.samples[begin : begin + 4])
        logits = student(input_ids=ids).logits
        draft = torch.softmax(logits, -1)
        both = torch.minimum(draft.gather(-1, top), probability).sum(-1)
        unknown = (1 - probability.sum(-1)).clamp(min=0)
        same = (logits.argmax(-1) == top[..., 0]).float()
        for k in (1, 2):
            at = kind == k
            sums[k] += [both[at].sum(), unknown[at].sum(), same[at].sum(), at.sum()]
    return {
        name: {
            "sampled": round(float(sums[k][0] / sums[k][3]), 4),
            "unknown": round(float(sums[k][1] / sums[k][3]), 4),
            "greedy": round(float(sums[k][2] / sums[k][3]), 4),
            "positions": int(sums[k][3]),
        }
        for k, name in ((1, "prompts"), (2, "answers"))
        if sums[k][3]
    }


@torch.inference_mode()
def head_ceiling(ceiling, batches, teacher):
    """Acceptance that a head of this rank would allow on the first shard if the state before it were perfect."""
    wanted, head = ceiling
    kept = []
    at = 0
    for _, kind, top, probability in batches.samples[:16]:
        n = int((kind > 0).sum())
        draft = torch.softmax(wanted[at : at + n] @ head.T, -1)
        both = torch.minimum(draft.gather(-1, torch.from_numpy(top[kind > 0]).long()), torch.from_numpy(probability[kind > 0]).float())
        kept.append(both.sum(-1))
        at += n
    return float(torch.cat(kept).mean())


def save(path, **content):
    partial = path.with_suffix(".tmp")
    torch.save(content, partial)
    partial.rename(path)


def learning_rate(step, args):
    warm = min(1.0, (step + 1) / 50)
    return float(args.rate * warm * (0.05 + 0.95 * 0.5 * (1 + numpy.cos(numpy.pi * min(1.0, step / args.steps)))))


def train(student, args, report, first_step, optimiser):
    checkpoint = pathlib.Path(args.work) / "checkpoint.pt"
    trained = Batches(shards(args.work, False), args.batch_rows, args.seed, args.loss_top)
    held_out = Batches(shards(args.work, True), args.batch_rows, args.seed, args.top)
    report(f"training on {trained.positions()} positions, measuring on {held_out.positions()}")
    report(f"step {first_step}: {acceptance(student, held_out, 24)}")
    report.restart()
    recent = []
    stop = Stop()
    for step in range(first_step, args.steps):
        student.train()
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, args) * group["share"]
        generator = torch.Generator().manual_seed(args.seed + step)
        loss = soft_loss(student, trained.batch(step), args.negatives, generator)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimiser.step()
        recent.append(loss.item())
        student.eval()
        last = step + 1 == args.steps or report.spent() > args.minutes * 60 or stop.asked
        if last or (step + 1) % args.every == 0:
            save(checkpoint, model=student.state_dict(), optimiser=optimiser.state_dict(), step=step + 1)
            report(f"step {step + 1}: loss {numpy.mean(recent):.4f}, held out {acceptance(student, held_out, 24)}")
            recent.clear()
        if last:
            break
    return acceptance(student, held_out, len(held_out.samples))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", required=True, help="GGUF file or Hugging Face directory of the target model")
    parser.add_argument("--text", required=True, help="folder of .txt, .md or .rst files")
    parser.add_argument("--work", required=True, help="folder for targets and checkpoints")
    parser.add_argument("--out", required=True, help="draft.gguf, or a directory for safetensors")
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--layers", type=int, default=2)
    parser.add_argument("--feed-forward", type=int, default=512)
    parser.add_argument("--head-dim", type=int, default=64)
    parser.add_argument("--type", default="q8_0", choices=["f32", "q8_0", "q4_0", "q4_1"], help="of the exported head")
    parser.add_argument("--shards", type=int, default=64, help="batches of teacher targets to make")
    parser.add_argument("--rows", type=int, default=16, help="conversations of a shard")
    parser.add_argument("--prompt-tokens", type=int, default=160)
    parser.add_argument("--answer-tokens", type=int, default=96)
    parser.add_argument("--top", type=int, default=64, help="tokens whose probability is kept for each position")
    parser.add_argument("--temperature", type=float, default=0.7, help="of the sampled answers; targets are at 1")
    parser.add_argument("--basis-shards", type=int, default=24, help="shards that keep hidden states, for the start")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-rows", type=int, default=12)
    parser.add_argument("--loss-top", type=int, default=32)
    parser.add_argument("--negatives", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--every", type=int, default=100, help="steps between checkpoints")
    parser.add_argument("--teacher-minutes", type=float, default=1e9, help="processor time for targets, all cores together")
    parser.add_argument("--minutes", type=float, default=1e9, help="processor time for training")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    # Newer transformers call the cache argument otherwise; the older name works in both.
    warnings.filterwarnings("ignore", category=FutureWarning)
    work = pathlib.Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    report = Report()
    teacher = Teacher(args.teacher)
    report(f"teacher {args.teacher}: head of {tuple(teacher.head.shape)}")
    write_targets(teacher, args, report)
    basis = shards(args.work, False)
    student, ceiling = new_student(teacher, args, basis)
    report(f"draft: {sum(p.numel() for p in student.parameters()):,} parameters, acceptance that its head allows:"
           f" {head_ceiling(ceiling, Batches(basis[:1], 1, 1, args.top), teacher):.4f}")
    head = [student.lm_head.weight, student.model.embed_tokens.weight]
    layers = [p for p in student.parameters() if all(p is not h for h in head)]
    # Embedding and head begin near where they belong; a large step would only forget that.
    optimiser = torch.optim.AdamW(
        [{"params": layers, "share": 1.0}, {"params": head, "share": 0.25}], lr=args.rate, betas=(0.9, 0.98), weight_decay=0.01
    )
    step = 0
    checkpoint = work / "checkpoint.pt"
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        student.load_state_dict(saved["model"])
        optimiser.load_state_dict(saved["optimiser"])
        step = saved["step"]
        report(f"goes on at step {step}")
    result = train(student, args, report, step, optimiser)
    export(student.eval(), teacher, args, args.out)
    report(f"wrote {args.out}")
    print(json.dumps({"draft": str(args.out), "heldOut": result}))


if __name__ == "__main__":
    main()
