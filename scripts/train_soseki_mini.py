#!/usr/bin/env python3
"""Trains a character-level GPT-2 from a text file, or measures the held-out loss of an existing one.

    train_soseki_mini.py --text novels.txt --out my-model        train, write the folder my-model
    train_soseki_mini.py --text novels.txt --evaluate my-model   held-out loss of that folder

The folder contains config.json, tokenizer.json and model.safetensors in Hugging Face's format. The defaults are the
recipe of assets/soseki-mini: 2,400 steps of about 1.8 s each on one core of a server CPU, and much less on a GPU.

The vocabulary is <unk> (id 0) and every character that occurs at least --min-count times in the whole text, in code
point order. The held-out slice is never trained on. Its loss is the mean over all of its characters except the first.
Each is predicted from the characters before it in its window of --context characters. Windows do not overlap, so the
first characters of a window have little context, and the loss is slightly too high. <unk> counts as a character.

Needs Python 3.10 or later, torch, numpy and safetensors.
"""

import argparse
import hashlib
import math
import os
import sys
import time
from collections import Counter
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from gpt2 import Gpt2
from model_folder import (
    ACTIVATIONS,
    DTYPES,
    UNKNOWN,
    BadInput,
    FailedRun,
    character_tokenizer,
    exit_code_of,
    gpt2_config,
    positive,
    read_model_folder,
    refuse_overwrite,
    write_model_folder,
)

LAYER_NORM_EPS = 1e-5
BETAS = (0.9, 0.99)
MAX_GRADIENT_NORM = 1.0


# --- Text ---


def read_text(path):
    """Reads the text without changing line ends, because the model sees them as characters."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"cannot read the text {path}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{path} is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    if not text:
        raise BadInput(f"{path} is empty")
    return text


def make_vocab(text, min_count):
    characters = sorted(character for character, count in Counter(text).items() if count >= min_count)
    if not characters:
        raise BadInput(f"no character occurs {min_count} times in the text; lower --min-count")
    return {token: index for index, token in enumerate([UNKNOWN, *characters])}


def encode(text, vocab):
    """Returns the ids [len(text)] of a text. Characters that are not in `vocab` become <unk>."""
    outside = [character for character in set(text) if character not in vocab]
    if outside and UNKNOWN not in vocab:
        raise BadInput(f"the text has {outside[0]!r}, which is not in the vocabulary, and there is no {UNKNOWN}")
    return torch.tensor([vocab[c] if c in vocab else vocab[UNKNOWN] for c in text], dtype=torch.long)


def held_out_range(text, args):
    """Returns the held-out slice [start, end) in characters."""
    start = int(len(text) * args.held_out_start)
    end = start + args.held_out_length
    if end > len(text):
        raise BadInput(f"the held-out slice ends at character {end:,}, the text at {len(text):,}")
    return start, end


# --- Loss ---


@torch.no_grad()
def held_out_loss(model, ids, context, device, batch=8):
    """Returns the mean loss in nats over all of `ids` [n] except the first, in windows that do not overlap."""
    was_training = model.training
    model.eval()
    inputs, targets = ids[:-1], ids[1:]
    whole = len(inputs) // context * context
    batches = list(zip(inputs[:whole].view(-1, context).split(batch), targets[:whole].view(-1, context).split(batch)))
    if whole < len(inputs):
        batches.append((inputs[None, whole:], targets[None, whole:]))
    total = sum(
        F.cross_entropy(model(x.to(device)).flatten(0, 1), y.to(device).flatten(), reduction="sum").item()
        for x, y in batches
        if x.numel()
    )
    model.train(was_training)
    return total / len(inputs)


def in_bits(nats):
    return f"{nats:.4f} nats ({nats / math.log(2):.4f} bits)"


def evaluate_folder(folder, held_out, device):
    """Prints and returns the held-out loss of the model in `folder` on the text `held_out`."""
    config, vocab, tensors = read_model_folder(folder)
    if config.get("activation_function") not in ACTIVATIONS:
        raise BadInput(
            f"{folder}: activation_function is {config.get('activation_function')!r}, "
            f"expected one of {', '.join(ACTIVATIONS)}"
        )
    config.setdefault("layer_norm_epsilon", LAYER_NORM_EPS)
    model = Gpt2(config).to(device)
    model.load_state_dict(tensors)
    ids = encode(held_out, vocab)
    loss = held_out_loss(model, ids, config["n_positions"], device)
    unknown = int((ids == vocab[UNKNOWN]).sum()) if UNKNOWN in vocab else 0
    print(f"{folder}: held-out {in_bits(loss)} per character, {len(ids) - 1:,} characters, {unknown} of them {UNKNOWN}")
    return loss


# --- Training ---


def learning_rate(step, args):
    """Returns the learning rate: linear warm-up to --lr, then a half cosine to --final-lr. `step` counts from 0."""
    if step < args.warmup:
        return args.lr * (step + 1) / args.warmup
    done = (step - args.warmup) / max(1, args.steps - args.warmup)
    return args.final_lr + 0.5 * (args.lr - args.final_lr) * (1 + math.cos(math.pi * done))


def make_optimizer(model, args):
    """Returns AdamW with weight decay on matrices, but not on biases and norms."""
    matrices = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    others = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": args.weight_decay}, {"params": others, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=args.lr, betas=BETAS)


def window_starts(num_characters, held_out, context):
    """Returns every start of a window of context + 1 characters that does not touch the held-out slice."""
    start, end = held_out
    pieces = [(0, start), (end, num_characters)] if start < end else [(0, num_characters)]
    starts = [torch.arange(first, last - context) for first, last in pieces if last - context > first]
    if not starts:
        raise BadInput(
            f"the text without its held-out slice has no {context + 1} characters in a row\n"
            "  hint: lower --context or --held-out-length, or give more text"
        )
    return torch.cat(starts)


# The settings that must agree with a saved state to resume it.
RECIPE = "layers heads width context steps batch lr final_lr warmup dropout weight_decay min_count seed".split()


class TrainingState:
    """Everything that is needed to resume a run, in one file (--state)."""

    def __init__(self, args, text, model, optimizer, sampler):
        self.path, self.model, self.optimizer, self.sampler = args.state, model, optimizer, sampler
        self.recipe = {name: getattr(args, name) for name in RECIPE}
        self.recipe["held-out"] = list(held_out_range(text, args))
        self.recipe["text"] = hashlib.sha256(text.encode()).hexdigest()

    def save(self, step):
        on_cuda = next(self.model.parameters()).is_cuda
        state = {
            "recipe": self.recipe,
            "step": step,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "sampler": self.sampler.get_state(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state() if on_cuda else None,
        }
        partial = self.path.with_name(self.path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, self.path)

    def load(self):
        """Restores the run and returns the number of steps done."""
        try:
            self.path.open("rb").close()
        except OSError as error:
            raise BadInput(f"cannot resume from {self.path}: {error.strerror}") from None
        try:
            state = torch.load(self.path, weights_only=True, map_location="cpu")
            recipe, step = state["recipe"], state["step"]
        except Exception as error:  # torch.load raises many types
            raise BadInput(f"{self.path} is not a training state: {str(error).splitlines()[0]}") from None
        for name, value in self.recipe.items():
            if recipe.get(name) != value:
                raise BadInput(f"{self.path} was made with {name} = {recipe.get(name)}, this run has {value}")
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.sampler.set_state(state["sampler"])
        torch.set_rng_state(state["random"])
        if state["random_cuda"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["random_cuda"])
        return step


def train(args, text, device):
    if args.width % args.heads:
        raise BadInput(f"--width {args.width} is not a multiple of --heads {args.heads}")
    if args.warmup >= args.steps:
        raise BadInput(f"--warmup {args.warmup} must be below --steps {args.steps}")
    refuse_overwrite(args.out, args.force)
    held_out = held_out_range(text, args)
    starts = window_starts(len(text), held_out, args.context)
    vocab = make_vocab(text, args.min_count)
    ids = encode(text, vocab)

    torch.manual_seed(args.seed)
    config = gpt2_config(
        vocab_size=len(vocab),
        context=args.context,
        width=args.width,
        layers=args.layers,
        heads=args.heads,
        inner=4 * args.width,
        activation="gelu_new",
        layer_norm_eps=LAYER_NORM_EPS,
        tied=True,
        dtype=args.dtype,
    )
    model = Gpt2(config, args.dropout).to(device)
    optimizer = make_optimizer(model, args)
    # The windows have their own generator on the CPU, so that their order is the same on every device.
    sampler = torch.Generator().manual_seed(args.seed)
    state = TrainingState(args, text, model, optimizer, sampler) if args.state else None
    first_step = state.load() if args.resume else 0

    size = sum(parameter.numel() for parameter in model.parameters())
    print(f"{len(text):,} characters, {len(vocab):,} in the vocabulary, {size / 1e6:.2f} M parameters, {device}")
    offsets = torch.arange(args.context + 1)
    losses, began = [], time.perf_counter()
    for step in range(first_step, args.steps):
        picked = starts[torch.randint(len(starts), (args.batch,), generator=sampler)]
        windows = ids[picked[:, None] + offsets].to(device)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, args)
        logits = model(windows[:, :-1])
        loss = F.cross_entropy(logits.flatten(0, 1), windows[:, 1:].flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), MAX_GRADIENT_NORM)
        optimizer.step()
        losses.append(loss.detach())
        done = step + 1
        if done % args.eval_every == 0 or done == args.steps:
            mean = torch.stack(losses).mean().item()
            if not math.isfinite(mean):
                raise FailedRun(f"the training loss is {mean} at step {done}; lower --lr")
            seconds = (time.perf_counter() - began) / len(losses)
            line = f"step {done:>5}/{args.steps}  train {in_bits(mean)}"
            if args.held_out_length:
                line += f"  held-out {in_bits(held_out_loss(model, ids[slice(*held_out)], args.context, device))}"
            print(f"{line}  {seconds:.2f} s/step", flush=True)
            if state:
                state.save(done)
            losses, began = [], time.perf_counter()

    write_model_folder(args.out, config, character_tokenizer(vocab), model.state_dict(), args.dtype, args.force)
    print(f"wrote {args.out} ({args.dtype})")
    if args.held_out_length:
        evaluate_folder(args.out, text[slice(*held_out)], device)


# --- The command line ---


def pick_device(name):
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    if name == "cuda" and not torch.cuda.is_available():
        raise BadInput("--device cuda: this PyTorch sees no CUDA device")
    if name == "mps" and not torch.backends.mps.is_available():
        raise BadInput("--device mps: this PyTorch sees no Metal device")
    return name


def number(low, high, low_inclusive=True):
    """An argparse type: a number from `low` to below `high`."""

    def parse(text):
        value = float(text)
        if not (low <= value if low_inclusive else low < value) or not value < high:
            bound = "at least" if low_inclusive else "above"
            raise argparse.ArgumentTypeError(f"{text} is not {bound} {low} and below {high}")
        return value

    parse.__name__ = "number"
    return parse


def count(text):
    """An argparse type: an integer of at least 0."""
    value = int(text)
    if not 0 <= value < 2**63:
        raise ValueError
    return value


def parse_arguments():
    parser = argparse.ArgumentParser(
        description="Train a character-level GPT-2 from a text file, or measure the held-out loss of an existing one.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--text", type=Path, required=True, metavar="FILE", help="the text, UTF-8")
    mode = parser.add_mutually_exclusive_group(required=True)
    mode.add_argument("--out", type=Path, metavar="FOLDER", help="train, and write the model here")
    mode.add_argument("--evaluate", type=Path, metavar="FOLDER", help="print the held-out loss of this model instead")
    add("--force", action="store_true", help="replace the model files that --out already has")

    model = parser.add_argument_group("model").add_argument
    model("--layers", type=positive, default=6, help="number of blocks")
    model("--heads", type=positive, default=6, help="attention heads per block")
    model("--width", type=positive, default=192, help="width of the residual stream")
    model("--context", type=positive, default=256, help="characters that the model sees at once")
    model("--min-count", type=positive, default=2, help="characters that occur less often are <unk>")
    model("--dtype", choices=DTYPES, default="f16", help="number format of the written weights")

    recipe = parser.add_argument_group("training").add_argument
    recipe("--steps", type=positive, default=2400, help="optimiser steps")
    recipe("--batch", type=positive, default=16, help="windows per step")
    recipe("--lr", type=number(0, 1, False), default=1.5e-3, help="peak learning rate")
    recipe("--final-lr", type=number(0, 1), default=1.5e-4, help="learning rate at the end of the cosine decay")
    recipe("--warmup", type=count, default=100, help="steps of linear warm-up")
    recipe("--dropout", type=number(0, 1), default=0.1, help="dropout rate on the embedding, the attention and both branches")
    recipe("--weight-decay", type=number(0, 10), default=0.1, help="AdamW's weight decay, on matrices only")
    recipe("--seed", type=count, default=1, help="seed of the weights, the windows and the dropout")
    recipe("--eval-every", type=positive, default=200, help="steps between two lines of progress")
    recipe("--state", type=Path, metavar="FILE", help="save the training state here with every line of progress")
    recipe("--resume", action="store_true", help="resume from the training state in --state")

    data = parser.add_argument_group("held-out slice").add_argument
    data("--held-out-start", type=number(0, 1), default=0.3, help="where it starts, as a fraction of the text")
    data("--held-out-length", type=count, default=20_000, help="its length in characters; 0 holds nothing out")

    run = parser.add_argument_group("machine").add_argument
    run("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="where to compute")
    run("--threads", type=positive, default=None, help="CPU threads; PyTorch's own choice if not given")
    args = parser.parse_args()
    if args.resume and not args.state:
        parser.error("--resume needs --state FILE")
    return args


def main():
    args = parse_arguments()
    if args.threads:
        torch.set_num_threads(args.threads)
    text = read_text(args.text)
    device = pick_device(args.device)
    if args.evaluate:
        held_out = text[slice(*held_out_range(text, args))]
        if len(held_out) < 2:
            raise BadInput("--evaluate needs --held-out-length of at least 2")
        evaluate_folder(args.evaluate, held_out, device)
    else:
        train(args, text, device)


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
