#!/usr/bin/env python3
"""Makes the reference outputs in tests/goldens, or checks that they are what transformers computes.

    make_goldens.py            writes the GPT-2 variants below and the goldens of assets/soseki-mini
    make_goldens.py --check    writes nothing; recomputes every golden from the committed weights and compares

The tiny models have random weights, drawn from numpy's RandomState (its streams never change) and rounded to the
stored format first; the reference is then computed from the rounded weights in float64 by transformers'
GPT2LMHeadModel with eager attention. tests/goldens/README.md lists the tensors of a golden.

A model whose greedy continuation is a close call makes a bad golden, since float32 could tip it: a margin below
MIN_MARGIN is refused, and another seed mends it.

Needs Python 3.10 or later, torch, transformers (5.23 made the committed files), numpy and safetensors.
"""

import argparse
import json
import math
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import GPT2LMHeadModel, logging

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDENS = REPOSITORY / "tests" / "goldens"
SOSEKI = REPOSITORY / "assets" / "soseki-mini"

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
MIN_MARGIN = 0.02
# float64 sums differ between machines in their last bits; what is stored is float32.
ATOL, RTOL = 2e-6, 2e-6

PROMPT = "吾輩は猫である。名前はまだ無い。どこで生れた"
NUM_GREEDY = 12

# 250 characters from the opening of Natsume Soseki's 吾輩は猫である (1905), out of copyright.
LONG_PROMPT = (
    "　吾輩は猫である。名前はまだ無い。\n"
    "　どこで生れたかとんと見当がつかぬ。何でも薄暗いじめじめした所でニャーニャー泣いていた事だけは記憶している。"
    "吾輩はここで始めて人間というものを見た。しかもあとで聞くとそれは書生という人間中で一番獰悪な種族であったそうだ。"
    "この書生というのは時々我々を捕えて煮て食うという話である。しかしその当時は何という考もなかったから別段恐しいとも思わなかった。"
    "ただ彼の掌に載せられてスーと持ち上げられた時何だかフワフワした感じがあったばかりである。"
    "掌の上で少し落ちついて書生の顔を見たのがいわゆる人間というものの見始であろう。"
)[:250]
NUM_LONG_GREEDY = 20


@dataclass
class Variant:
    """A tiny GPT-2 with random weights; every variant differs from the plain form in what its name says."""

    name: str
    seed: int
    hidden: int = 32
    heads: int = 4
    layers: int = 2
    inner: int | None = None
    vocab: int = 101
    context: int = 48
    prompt: int = 14
    dtype: str = "float32"
    prefix: str = ""
    tied: bool = True
    shards: int = 1
    mask_buffers: bool = False
    embedding_std: float | None = None
    config: dict = field(default_factory=dict)


VARIANTS = [
    Variant("gpt2-gelu", 161, inner=50, prefix="transformer.", config={"activation_function": "gelu"}),
    Variant(
        "gpt2-untied",
        2,
        prefix="transformer.",
        tied=False,
        config={"activation_function": "gelu_pytorch_tanh", "tie_word_embeddings": False},
    ),
    # Sizes that are no multiple of 2 or 4, alone and together.
    Variant("gpt2-odd-7", 3, hidden=21, heads=3, inner=53, vocab=101, context=37, prompt=13),
    Variant("gpt2-odd-5", 84, hidden=15, heads=3, inner=17, vocab=53, context=29, prompt=11, layers=3),
    Variant("gpt2-f16", 5, hidden=40, heads=4, vocab=300, dtype="float16"),
    Variant("gpt2-bf16", 6, hidden=24, heads=2, vocab=120, dtype="bfloat16", prefix="transformer."),
    Variant("gpt2-sharded", 27, hidden=24, heads=2, vocab=77, shards=3, prefix="transformer."),
    Variant("gpt2-head-80", 8, hidden=160, heads=2, inner=24, vocab=90, context=32, dtype="float16", layers=1),
    Variant("gpt2-head-272", 9, hidden=272, heads=1, inner=24, vocab=50, context=30, dtype="float16", layers=1),
    # Embeddings small enough that the variance of the first norms is of the order of epsilon.
    Variant(
        "gpt2-eps",
        30,
        vocab=64,
        embedding_std=0.03,
        tied=False,
        config={"layer_norm_epsilon": 1e-3, "tie_word_embeddings": False},
    ),
    # As the files of the first GPT-2 release: no prefix, and the causal masks stored as tensors.
    Variant("gpt2-mask-buffers", 11, hidden=20, heads=2, vocab=80, mask_buffers=True, context=32),
]


class Failed(Exception):
    """A golden that cannot be made, or that differs from what is stored."""


def reason(error):
    """What went wrong, with paths as they are inside the repository."""
    return str(error).replace(f"{REPOSITORY}/", "")


# --- Tiny models ---


def variant_config(variant):
    config = {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": variant.vocab,
        "n_positions": variant.context,
        "n_ctx": variant.context,
        "n_embd": variant.hidden,
        "n_layer": variant.layers,
        "n_head": variant.heads,
        "n_inner": variant.inner,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "bos_token_id": variant.vocab - 1,
        "eos_token_id": variant.vocab - 1,
        "torch_dtype": variant.dtype,
    }
    return config | variant.config


def variant_tensors(variant):
    """Random weights by name, already rounded to the variant's format."""
    random = np.random.RandomState(variant.seed)
    hidden, inner = variant.hidden, variant.inner or 4 * variant.hidden
    # Wide layers get smaller weights, so that logits and attention scores keep their scale.
    std = min(0.4, 2.2 / math.sqrt(hidden))
    embedding_std = variant.embedding_std or std
    tensors = {}

    def add(name, shape, std, mean=0.0):
        tensors[name] = torch.from_numpy(mean + std * random.standard_normal(shape)).to(DTYPES[variant.dtype])

    add(f"{variant.prefix}wte.weight", (variant.vocab, hidden), embedding_std)
    add(f"{variant.prefix}wpe.weight", (variant.context, hidden), embedding_std)
    for layer in range(variant.layers):
        block = f"{variant.prefix}h.{layer}"
        linears = [("attn.c_attn", hidden, 3 * hidden), ("attn.c_proj", hidden, hidden)]
        linears += [("mlp.c_fc", hidden, inner), ("mlp.c_proj", inner, hidden)]
        for norm in ("ln_1", "ln_2"):
            add(f"{block}.{norm}.weight", (hidden,), 0.3, mean=1.0)
            add(f"{block}.{norm}.bias", (hidden,), 0.2)
        for name, fan_in, fan_out in linears:
            add(f"{block}.{name}.weight", (fan_in, fan_out), std)
            add(f"{block}.{name}.bias", (fan_out,), 0.3)
        if variant.mask_buffers:
            size = variant.context
            tensors[f"{block}.attn.bias"] = torch.tril(torch.ones(size, size)).view(1, 1, size, size)
            tensors[f"{block}.attn.masked_bias"] = torch.tensor(-1e4)
    add(f"{variant.prefix}ln_f.weight", (hidden,), 0.3, mean=1.0)
    add(f"{variant.prefix}ln_f.bias", (hidden,), 0.2)
    if not variant.tied:
        add("lm_head.weight", (variant.vocab, hidden), std)
    return tensors


def variant_prompt(variant):
    return np.random.RandomState(1000 + variant.seed).randint(variant.vocab, size=variant.prompt).tolist()


def write_model(variant, folder):
    tensors = variant_tensors(variant)
    write_json(folder / "config.json", variant_config(variant))
    if variant.shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    weight_map = {}
    for shard in range(variant.shards):
        file = f"model-{shard + 1:05}-of-{variant.shards:05}.safetensors"
        # Every n-th name: the tensors of one layer lie in different files.
        chosen = names[shard :: variant.shards]
        weight_map |= dict.fromkeys(chosen, file)
        save_file({name: tensors[name] for name in chosen}, folder / file, metadata={"format": "pt"})
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / "model.safetensors.index.json", index)


def stored_tensors(folder):
    """All tensors of a model folder, sharded or not."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return load_file(folder / "model.safetensors")
    files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    return {name: tensor for file in files for name, tensor in load_file(folder / file).items()}


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")


# --- References ---


def load_model(folder):
    model, report = GPT2LMHeadModel.from_pretrained(
        folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True
    )
    if any(report[key] for key in ("missing_keys", "mismatched_keys")):
        raise Failed(f"transformers does not find every weight of {folder.name}: {report}")
    return model.eval()


@torch.no_grad()
def greedy(model, ids, num_steps):
    """Returns (tokens, margins, last logits), seeing at most the last n_positions ids at each step."""
    context = model.config.n_positions
    ids, margins = list(ids), []
    for _ in range(num_steps):
        logits = model(torch.tensor([ids[-context:]]), use_cache=False).logits[0, -1]
        best, second = logits.topk(2).values
        margins.append((best - second).item())
        ids.append(int(logits.argmax()))
    if min(margins) < MIN_MARGIN:
        raise Failed(f"greedy step {np.argmin(margins)} has a margin of {min(margins):.4f}: take another seed")
    return ids[-num_steps:], margins, logits


@torch.no_grad()
def golden(folder, prompt, num_greedy):
    """The tensors of golden.safetensors for the model in `folder`."""
    model = load_model(folder)
    if len(prompt) + num_greedy > model.config.n_positions:
        raise Failed(f"{len(prompt)} + {num_greedy} tokens are more than n_positions = {model.config.n_positions}")
    out = model(torch.tensor([prompt]), use_cache=False, output_hidden_states=True, output_attentions=True)
    tokens, margins, _ = greedy(model, prompt, num_greedy)
    return {
        "input_ids": torch.tensor(prompt),
        "logits": out.logits[0].float(),
        "hidden_states": torch.cat(out.hidden_states).float(),
        "attentions": torch.cat(out.attentions).float(),
        "greedy_ids": torch.tensor(tokens),
        "greedy_margin": torch.tensor(margins),
    }


def long_context_golden(prompt, num_greedy):
    """Greedy continuation of assets/soseki-mini past its context length."""
    model = load_model(SOSEKI)
    tokens, margins, logits = greedy(model, prompt, num_greedy)
    return {
        "input_ids": torch.tensor(prompt),
        "greedy_ids": torch.tensor(tokens),
        "greedy_margin": torch.tensor(margins),
        "last_logits": logits.float(),
    }


def soseki_ids(text):
    vocab = json.loads((SOSEKI / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
    if unknown := [character for character in text if character not in vocab]:
        raise Failed(f"soseki-mini has no token for {unknown}")
    return [vocab[character] for character in text]


# --- Commands ---


def save_golden(tensors, path):
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise Failed(f"{path.parent.name}: {name} is not finite")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    margin, distinct = tensors["greedy_margin"].min(), len(set(tensors["greedy_ids"].tolist()))
    print(f"{path.relative_to(GOLDENS)}: smallest margin {margin:.3f}, {distinct} distinct greedy tokens", end="")
    print(f", logits std {tensors['logits'].std():.2f}" if "logits" in tensors else "")


def make():
    for variant in VARIANTS:
        folder = GOLDENS / variant.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write_model(variant, folder)
        try:
            tensors = golden(folder, variant_prompt(variant), NUM_GREEDY)
        except Failed as error:
            raise Failed(f"{variant.name}: {error}") from None
        save_golden(tensors, folder / "golden.safetensors")
    folder = GOLDENS / "soseki-mini"
    folder.mkdir(parents=True, exist_ok=True)
    save_golden(golden(SOSEKI, soseki_ids(PROMPT), NUM_GREEDY), folder / "golden.safetensors")
    long_context = long_context_golden(soseki_ids(LONG_PROMPT), NUM_LONG_GREEDY)
    save_golden(long_context, folder / "long_context.safetensors")


def compare(got, stored):
    """Raises Failed at the first tensor of `got` that `stored` does not agree with."""
    if got.keys() != stored.keys():
        raise Failed(f"tensors {sorted(stored)}, expected {sorted(got)}")
    for name, want in got.items():
        have = stored[name]
        if have.shape != want.shape or have.dtype != want.dtype:
            raise Failed(f"{name} is {have.dtype} {list(have.shape)}, expected {want.dtype} {list(want.shape)}")
        if not want.is_floating_point():
            if not torch.equal(have, want):
                raise Failed(f"{name} is {have.tolist()}, expected {want.tolist()}")
            continue
        # Written so that NaN fails.
        close = (have.double() - want.double()).abs() <= ATOL + RTOL * want.double().abs()
        if not close.all():
            at = tuple((~close).nonzero()[0].tolist())
            raise Failed(
                f"{name} differs in {int((~close).sum())} of {close.numel()} values, first at {list(at)}: "
                f"{have[at].item()}, expected {want[at].item()}"
            )


def check_variant(variant, folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config != variant_config(variant):
        raise Failed("config.json is not what the script writes")
    want, have = variant_tensors(variant), stored_tensors(folder)
    for name in want.keys() | have.keys():
        if name not in want or name not in have or not torch.equal(want[name], have[name]):
            raise Failed(f"weight {name} is not what the script writes")


def check_golden(name):
    folder = GOLDENS / name
    stored = load_file(folder / "golden.safetensors")
    model = SOSEKI if name == SOSEKI.name else folder
    compare(golden(model, stored["input_ids"].tolist(), len(stored["greedy_ids"])), stored)
    if name == SOSEKI.name:
        if stored["input_ids"].tolist() != soseki_ids(PROMPT):
            raise Failed("input_ids are not the script's prompt")
        long_context = load_file(folder / "long_context.safetensors")
        compare(long_context_golden(soseki_ids(LONG_PROMPT), NUM_LONG_GREEDY), long_context)
    for variant in VARIANTS:
        if variant.name == name:
            check_variant(variant, folder)
            if stored["input_ids"].tolist() != variant_prompt(variant):
                raise Failed("input_ids are not the script's prompt")


def check():
    """Checks every GPT-2 folder that has a golden, those that this script does not write too."""
    found = {path.parent.name for path in GOLDENS.glob("gpt2-*/golden.safetensors")}
    expected = {variant.name for variant in VARIANTS} | {SOSEKI.name}
    failures = 0
    for name in sorted(found | expected):
        try:
            check_golden(name)
            print(f"ok      {name}")
        except (Failed, OSError) as error:
            failures += 1
            print(f"FAILED  {name}: {reason(error)}")
    if failures:
        raise Failed(f"{failures} goldens differ; make_goldens.py writes them anew (the commit says why they changed)")


def main():
    parser = argparse.ArgumentParser(description="Make the reference outputs in tests/goldens, or check them.")
    parser.add_argument("--check", action="store_true", help="write nothing; recompute and compare")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    args = parser.parse_args()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(max(1, args.threads))
    try:
        check() if args.check else make()
    except (Failed, OSError) as error:
        print(f"error: {reason(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
