"""Compares a model directory's logits as `./longreach logits` prints them with transformers in f32 with eager attention.

usage: parity.py MODEL_DIRECTORY [--tokens 1,2,3] [--chunk N] [--longreach PATH]
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy
import torch
import transformers

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("directory")
parser.add_argument("--tokens", help="ids; without them 64 random ones")
parser.add_argument("--chunk", type=int, default=0)
parser.add_argument("--longreach", default=str(pathlib.Path(__file__).resolve().parents[2] / "longreach"))
arguments = parser.parse_args()

config = transformers.AutoConfig.from_pretrained(arguments.directory)
vocabulary = config.get_text_config().vocab_size
if arguments.tokens:
    ids = [int(i) for i in arguments.tokens.split(",")]
else:
    ids = [int(i) for i in numpy.random.default_rng(1).integers(0, vocabulary, 64)]
command = [arguments.longreach, "logits", "--model", arguments.directory, "--at", "all", "--json"]
command += ["--tokens", ",".join(map(str, ids)), "--chunk", str(arguments.chunk)]
ours = numpy.array(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["logits"])

torch.set_grad_enabled(False)
kind = getattr(transformers, config.architectures[0])
model = kind.from_pretrained(arguments.directory, dtype=torch.float32, attn_implementation="eager").eval()
theirs = model(input_ids=torch.tensor([ids])).logits[0].numpy()
difference = numpy.abs(ours - theirs).max()
agree = (ours.argmax(1) == theirs.argmax(1)).sum()
print(f"{len(ids)} tokens: largest difference {difference:.2e}, the same best token {agree} times")
sys.exit(0 if difference <= 1e-4 * max(1, numpy.abs(theirs).max()) else 1)
