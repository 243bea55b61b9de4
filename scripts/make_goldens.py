#!/usr/bin/env python3
"""Writes the reference outputs in tests/goldens, or checks them against transformers.

    make_goldens.py            writes the tiny models and the goldens of assets/soseki-mini
    make_goldens.py NAME...    writes only these tiny models
    make_goldens.py --check    writes nothing; recomputes every golden from the committed weights and compares

The tiny models have random weights from numpy's RandomState, whose streams never change. The weights are rounded to the
stored format. transformers then computes the reference from the rounded weights in float64 with eager attention.
golden_models.py and golden_rope_models.py define the models. tests/goldens/README.md lists the tensors of a golden.

A golden is refused if two tokens of its greedy continuation are too close (below MIN_MARGIN), because float32 could swap
them. It is also refused if it would hardly change (below MIN_EFFECT) when a field that it tests is read wrongly. Another
seed fixes both.

Needs Python 3.10 or later, torch, transformers (5.23 made the committed files), numpy and safetensors.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch.overrides import TorchFunctionMode
from transformers import AutoModelForCausalLM, logging
from transformers.models.gemma3 import modeling_gemma3

from golden_models import GPT2_VARIANTS, merged, stored_tensors, write_json, write_model
from golden_rope_models import ROPE_VARIANTS

REPOSITORY = Path(__file__).resolve().parent.parent
GOLDENS = REPOSITORY / "tests" / "goldens"
SOSEKI = REPOSITORY / "assets" / "soseki-mini"

VARIANTS = GPT2_VARIANTS + ROPE_VARIANTS
MIN_MARGIN = 0.02
MIN_EFFECT = 1e-3
# float64 sums differ between machines in their last bits. The stored values are float32.
TOLERANCE = 2e-6
# For the tiny models that this script does not write. Their goldens were made without InFloat64.
GIVEN_TOLERANCE = 1e-5

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


class Failed(Exception):
    """A golden that cannot be made, or that differs from what is stored."""


def reason(error):
    """Returns the error's message, with paths relative to the repository."""
    return str(error).replace(f"{REPOSITORY}/", "")


# --- References ---


class InFloat64(TorchFunctionMode):
    """Replaces float32 by float64 in every call.

    transformers always computes norms, rotations and softmax in float32. That is enough for half precision, but would
    add rounding errors to the reference.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        args = [torch.float64 if arg is torch.float32 else arg for arg in args]
        kwargs = {key: torch.float64 if arg is torch.float32 else arg for key, arg in (kwargs or {}).items()}
        return func(*args, **kwargs)


def capped_attention(module, *args, **kwargs):
    """Gemma 3's attention with the soft cap of its configuration.

    transformers 5.23 implements `attn_logit_softcapping`, but unlike for Gemma 2 it does not pass the value on.
    """
    return GEMMA3_ATTENTION(module, *args, softcap=module.attn_logit_softcapping, **kwargs)


GEMMA3_ATTENTION = modeling_gemma3.eager_attention_forward
modeling_gemma3.eager_attention_forward = capped_attention


def load_model(folder):
    with InFloat64():
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float64, attn_implementation="eager", output_loading_info=True
        )
    # The files leave out the image encoder.
    missing = [key for key in report["missing_keys"] if "vision_tower" not in key and "projector" not in key]
    if missing or report["mismatched_keys"]:
        raise Failed(f"transformers does not find every weight of {folder.name}: {report}")
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        if tensor.is_floating_point() and tensor.dtype != torch.float64:
            raise Failed(f"{name} is {tensor.dtype}")
        # transformers rounds this factor in half precision. Here it must be exact.
        if name.endswith("embed_scale") and tensor.item() != model.config.get_text_config().hidden_size ** 0.5:
            raise Failed(f"{name} is {tensor.item()}, which is not the root of the hidden size")
    return model.eval()


@torch.no_grad()
def run(model, ids, **outputs):
    with InFloat64():
        return model(torch.tensor([ids]), use_cache=False, **outputs)


def max_context(model):
    return model.config.get_text_config().max_position_embeddings


def greedy(model, ids, num_steps):
    """Returns (tokens, margins, last logits). The model sees at most a context of the last ids."""
    context = max_context(model)
    ids, margins = list(ids), []
    for _ in range(num_steps):
        logits = run(model, ids[-context:]).logits[0, -1]
        best, second = logits.topk(2).values
        margins.append((best - second).item())
        ids.append(int(logits.argmax()))
    return ids[-num_steps:], margins, logits


def golden(folder, prompt, num_greedy):
    """Returns the tensors of golden.safetensors for the model in `folder`."""
    model = load_model(folder)
    if len(prompt) + num_greedy > max_context(model):
        raise Failed(f"{len(prompt)} + {num_greedy} tokens are more than the context of {max_context(model)}")
    out = run(model, prompt, output_hidden_states=True, output_attentions=True)
    tokens, margins, _ = greedy(model, prompt, num_greedy)
    return {
        "input_ids": torch.tensor(prompt),
        "logits": out.logits[0].float(),
        "hidden_states": torch.cat(out.hidden_states).float(),
        "attentions": torch.cat(out.attentions).float(),
        "greedy_ids": torch.tensor(tokens),
        "greedy_margin": torch.tensor(margins),
    }


def effects(variant, folder, logits):
    """Yields how far each of the variant's contrasts moves a logit."""
    for changes in variant.contrasts:
        with tempfile.TemporaryDirectory() as other:
            other = Path(other)
            write_json(other / "config.json", merged(variant.model_config(), changes))
            shutil.copy(folder / "model.safetensors", other)
            moved = run(load_model(other), variant.prompt_ids()).logits[0]
        effect = (moved - logits.double()).abs().max().item()
        if effect < MIN_EFFECT:
            raise Failed(f"{changes} moves no logit by more than {effect:.1e}")
        yield effect


def long_context_golden(prompt, num_greedy):
    """Returns a greedy continuation of assets/soseki-mini past its context length."""
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
    margins = tensors["greedy_margin"]
    if margins.min() < MIN_MARGIN:
        raise Failed(f"{path.parent.name}: greedy step {margins.argmin()} has a margin of {margins.min():.4f}")
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    distinct = len(set(tensors["greedy_ids"].tolist()))
    print(f"{path.relative_to(GOLDENS)}: smallest margin {margins.min():.3f}, {distinct} distinct greedy ids", end="")
    print(f", logits std {tensors['logits'].std():.2f}" if "logits" in tensors else "")


def make_variant(variant):
    folder = GOLDENS / variant.name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_model(variant, folder)
    try:
        tensors = golden(folder, variant.prompt_ids(), NUM_GREEDY)
        moved = list(effects(variant, folder, tensors["logits"]))
    except Failed as error:
        raise Failed(f"{variant.name}: {error}") from None
    save_golden(tensors, folder / "golden.safetensors")
    if moved:
        print(f"  a contrast moves a logit by at least {min(moved):.4f}")


def make(names):
    if unknown := set(names) - {variant.name for variant in VARIANTS}:
        raise Failed(f"there are no tiny models called {sorted(unknown)}")
    for variant in VARIANTS:
        if not names or variant.name in names:
            make_variant(variant)
    if names:
        return
    folder = GOLDENS / "soseki-mini"
    folder.mkdir(parents=True, exist_ok=True)
    save_golden(golden(SOSEKI, soseki_ids(PROMPT), NUM_GREEDY), folder / "golden.safetensors")
    long_context = long_context_golden(soseki_ids(LONG_PROMPT), NUM_LONG_GREEDY)
    save_golden(long_context, folder / "long_context.safetensors")


def compare(got, stored, tolerance=TOLERANCE):
    """Raises Failed at the first tensor that differs between `got` and `stored`."""
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
        # This form makes NaN fail.
        close = (have.double() - want.double()).abs() <= tolerance * (1 + want.double().abs())
        if not close.all():
            at = tuple((~close).nonzero()[0].tolist())
            raise Failed(
                f"{name} differs in {int((~close).sum())} of {close.numel()} values, first at {list(at)}: "
                f"{have[at].item()}, expected {want[at].item()}"
            )


def check_variant(variant, folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config != variant.model_config():
        raise Failed("config.json differs from what the script writes")
    want, have = variant.tensors(), stored_tensors(folder)
    for name in want.keys() | have.keys():
        if name not in want or name not in have or not torch.equal(want[name], have[name]):
            raise Failed(f"weight {name} differs from what the script writes")
    stored = load_file(folder / "golden.safetensors")
    if stored["input_ids"].tolist() != variant.prompt_ids():
        raise Failed("input_ids are not the script's prompt")
    list(effects(variant, folder, stored["logits"]))


def check_golden(name):
    folder = GOLDENS / name
    stored = load_file(folder / "golden.safetensors")
    model = SOSEKI if name == SOSEKI.name else folder
    written = {variant.name for variant in VARIANTS} | {SOSEKI.name}
    tolerance = TOLERANCE if name in written else GIVEN_TOLERANCE
    compare(golden(model, stored["input_ids"].tolist(), len(stored["greedy_ids"])), stored, tolerance)
    if name == SOSEKI.name:
        if stored["input_ids"].tolist() != soseki_ids(PROMPT):
            raise Failed("input_ids are not the script's prompt")
        long_context = load_file(folder / "long_context.safetensors")
        compare(long_context_golden(soseki_ids(LONG_PROMPT), NUM_LONG_GREEDY), long_context)
    for variant in VARIANTS:
        if variant.name == name:
            check_variant(variant, folder)


def check():
    """Checks every folder with a golden, including those that this script does not write."""
    found = {path.parent.name for path in GOLDENS.glob("*/golden.safetensors")}
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
        raise Failed(f"{failures} goldens differ; make_goldens.py writes them again (say in the commit why they changed)")


def main():
    parser = argparse.ArgumentParser(description="Write the reference outputs in tests/goldens, or check them.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a tiny model to write (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing; recompute and compare")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    args = parser.parse_args()
    if args.check and args.names:
        parser.error("--check takes no names: it checks all")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(max(1, args.threads))
    try:
        check() if args.check else make(args.names)
    except (Failed, OSError) as error:
        print(f"error: {reason(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
