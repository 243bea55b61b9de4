"""Reads and writes folders of character-level GPT-2 models in Hugging Face's format.

train_soseki_mini.py writes and evaluates such folders, and convert_checkpoint.py writes them. All files are written
under a temporary name first and renamed at the end, so that a folder is never incomplete.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

DTYPES = {"f16": torch.float16, "bf16": torch.bfloat16, "f32": torch.float32}
ACTIVATIONS = ("gelu_new", "gelu_pytorch_tanh", "gelu")
UNKNOWN = "<unk>"

# config.json comes last, so a new folder that has one is complete.
FILES = ("tokenizer.json", "model.safetensors", "config.json")


class BadInput(Exception):
    """Unusable input. The message says what was found and what was expected."""


class FailedRun(Exception):
    """A run that failed on valid input."""


def exit_code_of(main, *arguments):
    """Runs `main(*arguments)` and returns the exit code: 0 success, 2 bad input, 1 a failed run, 130 interrupted."""
    try:
        main(*arguments)
        return 0
    except BadInput as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except (FailedRun, OSError, SafetensorError, torch.OutOfMemoryError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130


def gpt2_config(*, vocab_size, context, width, layers, heads, inner, activation, layer_norm_eps, tied, dtype):
    """Returns the contents of config.json. `inner` is the width of the feed-forward layer; `dtype` is a key of DTYPES."""
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": vocab_size,
        "n_positions": context,
        "n_ctx": context,
        "n_embd": width,
        "n_layer": layers,
        "n_head": heads,
        "n_inner": None if inner == 4 * width else inner,
        "activation_function": activation,
        "layer_norm_epsilon": layer_norm_eps,
        "tie_word_embeddings": tied,
        "bos_token_id": None,
        "eos_token_id": None,
        "torch_dtype": str(DTYPES[dtype]).removeprefix("torch."),
    }


def character_tokenizer(vocab):
    """Returns the contents of tokenizer.json for `vocab` (character to id). Every character is one token."""
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": r"[\s\S]"}, "behavior": "Isolated", "invert": False},
        "post_processor": None,
        "decoder": {"type": "Fuse"},
        "model": {
            "type": "WordLevel",
            "vocab": dict(sorted(vocab.items(), key=lambda entry: entry[1])),
            "unk_token": UNKNOWN,
        },
    }


def expected_shapes(config):
    """Returns a dict of tensor name to shape. Weights of linear layers are [in, out] (Conv1D)."""
    width = config["n_embd"]
    inner = config.get("n_inner") or 4 * width
    shapes = {"wte.weight": (config["vocab_size"], width), "wpe.weight": (config["n_positions"], width)}
    for layer in range(config["n_layer"]):
        linears = {"attn.c_attn": (width, 3 * width), "attn.c_proj": (width, width)}
        linears |= {"mlp.c_fc": (width, inner), "mlp.c_proj": (inner, width)}
        for name, (fan_in, fan_out) in linears.items():
            shapes[f"h.{layer}.{name}.weight"] = (fan_in, fan_out)
            shapes[f"h.{layer}.{name}.bias"] = (fan_out,)
        for name in ("ln_1", "ln_2"):
            shapes[f"h.{layer}.{name}.weight"] = shapes[f"h.{layer}.{name}.bias"] = (width,)
    shapes["ln_f.weight"] = shapes["ln_f.bias"] = (width,)
    if not config.get("tie_word_embeddings", True):
        shapes["lm_head.weight"] = (config["vocab_size"], width)
    return shapes


def check_tensors(tensors, config, source):
    """Raises BadInput if names or shapes differ from those of `config`, or if a value is not finite."""
    shapes = expected_shapes(config)
    if missing := sorted(shapes.keys() - tensors.keys()):
        raise BadInput(f"{source} lacks {len(missing)} tensors: {some(missing)}")
    if unexpected := sorted(tensors.keys() - shapes.keys()):
        raise BadInput(f"{source} has {len(unexpected)} tensors that a GPT-2 does not have: {some(unexpected)}")
    for name, shape in shapes.items():
        if tuple(tensors[name].shape) != shape:
            raise BadInput(f"{source}: {name} has shape {list(tensors[name].shape)}, expected {list(shape)}")
        if not torch.isfinite(tensors[name]).all():
            raise BadInput(f"{source}: {name} has values that are not finite")


def refuse_overwrite(out, force):
    """Raises BadInput unless the three files can be written to the folder `out`."""
    if out.exists() and not out.is_dir():
        raise BadInput(f"{out} is a file, expected a folder")
    existing = [name for name in FILES if (out / name).exists()]
    if existing and not force:
        raise BadInput(f"{out} already has {', '.join(existing)}\n  hint: --force replaces them")


def write_model_folder(out, config, tokenizer, tensors, dtype, force):
    """Writes the three files, with weights rounded to `dtype`. If an error occurs, the folder stays unchanged."""
    refuse_overwrite(out, force)
    check_tensors(tensors, config, "the model")
    rounded = {name: tensor.detach().cpu().to(DTYPES[dtype]).contiguous() for name, tensor in tensors.items()}
    check_tensors(rounded, config, f"the model in {dtype}")
    is_new = not out.exists()
    partial = out / f".partial-{os.getpid()}"
    try:
        partial.mkdir(parents=True)
        (partial / "config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
        (partial / "tokenizer.json").write_text(json.dumps(tokenizer, indent=2, ensure_ascii=False), encoding="utf-8")
        # `save_file` would write a file that only its owner can read.
        (partial / "model.safetensors").write_bytes(save(rounded, metadata={"format": "pt"}))
        for name in FILES:
            os.replace(partial / name, out / name)
        partial.rmdir()
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        if is_new:
            shutil.rmtree(out, ignore_errors=True)
        raise


def read_model_folder(folder):
    """Returns (config, vocab, tensors): the parsed config.json, character to id, and f32 tensors by name."""
    config = read_json(folder / "config.json")
    if config.get("model_type") != "gpt2":
        raise BadInput(f"{folder / 'config.json'}: model_type is {config.get('model_type')!r}, expected 'gpt2'")
    for key in ("vocab_size", "n_positions", "n_embd", "n_layer", "n_head"):
        if not isinstance(config.get(key), int) or config[key] < 1:
            raise BadInput(f"{folder / 'config.json'}: {key} is {config.get(key)!r}, expected a positive integer")
    if config["n_embd"] % config["n_head"]:
        raise BadInput(
            f"{folder / 'config.json'}: n_embd = {config['n_embd']} is not a multiple of n_head = {config['n_head']}"
        )
    vocab = read_json(folder / "tokenizer.json").get("model", {}).get("vocab")
    if not isinstance(vocab, dict) or sorted(vocab.values()) != list(range(config["vocab_size"])):
        raise BadInput(
            f"{folder / 'tokenizer.json'}: model.vocab must give the ids 0 to {config['vocab_size'] - 1} once each"
        )
    path = folder / "model.safetensors"
    if not path.is_file():
        raise BadInput(f"{path} is missing")
    try:
        stored = load_file(path)
    except SafetensorError as error:
        raise BadInput(f"{path} is not a safetensors file: {error}") from None
    tensors = {
        name.removeprefix("transformer."): tensor.float()
        for name, tensor in stored.items()
        if not name.endswith((".attn.bias", ".attn.masked_bias"))  # causal masks, in older files
    }
    # Like transformers, use a separate head even if config.json says that it is tied.
    head, embedding = tensors.get("lm_head.weight"), tensors.get("wte.weight")
    if config.get("tie_word_embeddings", True) and head is not None and embedding is not None:
        config["tie_word_embeddings"] = torch.equal(head, embedding)
        if config["tie_word_embeddings"]:
            del tensors["lm_head.weight"]
    check_tensors(tensors, config, path)
    return config, vocab, tensors


def read_json(path):
    """Returns the object in a JSON file, or raises BadInput with the path and the reason."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadInput(f"{path} holds a {type(value).__name__}, expected an object")
    return value


def some(names, limit=6):
    """Returns the first few of `names` as text."""
    return ", ".join(map(str, names[:limit])) + (f" and {len(names) - limit} more" if len(names) > limit else "")


def positive(text):
    """An argparse type: an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


positive.__name__ = "positive integer"
