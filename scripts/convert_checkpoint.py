#!/usr/bin/env python3
"""Converts a PyTorch checkpoint of a small character-level GPT to a model folder in Hugging Face's format.

    convert_checkpoint.py checkpoint.pt --heads 6 --out my-model

The checkpoint is a dict (other entries are ignored):

    "model"  a state dict: tok_emb.weight, pos_emb.weight, blocks.N.{ln1,ln2}, blocks.N.attn.{c_attn,c_proj},
             blocks.N.mlp.{c_fc,c_proj}, ln_f, lm_head.weight. Blocks are pre-norm. c_attn contains query, key and
             value in this order. Linear weights are [out, in]. Missing biases are zero, and a missing lm_head is
             tied to tok_emb. The prefixes _orig_mod. (torch.compile) and module. (DataParallel) are removed, and
             causal-mask buffers are ignored.
    "stoi"   character to id
    "itos"   id to character, a dict or a list

The command line gives what the checkpoint does not contain: the number of heads, the activation (nn.GELU() is gelu,
nn.GELU(approximate="tanh") is gelu_pytorch_tanh) and the epsilon of the layer norms.

The checkpoint is read with weights_only=True, so no code in it runs.

Needs Python 3.10 or later, torch, numpy and safetensors.
"""

import argparse
import re
import sys
from pathlib import Path

import torch

from model_folder import (
    ACTIVATIONS,
    DTYPES,
    UNKNOWN,
    BadInput,
    character_tokenizer,
    check_tensors,
    exit_code_of,
    expected_shapes,
    gpt2_config,
    positive,
    refuse_overwrite,
    some,
    write_model_folder,
)

WRAPPERS = ("_orig_mod.", "module.")
MASK_BUFFER = re.compile(r"blocks\.\d+\.attn\.(bias|mask|tril|causal_mask|masked_bias)")

# Checkpoint names to GPT-2 names inside a block. True marks the weight of a linear layer, [out, in].
BLOCK_PARTS = {
    "ln1": ("ln_1", False),
    "attn.c_attn": ("attn.c_attn", True),
    "attn.c_proj": ("attn.c_proj", True),
    "ln2": ("ln_2", False),
    "mlp.c_fc": ("mlp.c_fc", True),
    "mlp.c_proj": ("mlp.c_proj", True),
}


def load_checkpoint(path):
    """Returns (state dict without wrapper prefixes and mask buffers, stoi, itos)."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from None
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many types, such as OSError for a truncated file
        raise BadInput(
            f"{path} cannot be loaded as a checkpoint of plain tensors, dicts and lists: {first_line(error)}\n"
            '  hint: save only {"model": model.state_dict(), "stoi": stoi, "itos": itos}'
        ) from None
    if not isinstance(checkpoint, dict):
        raise BadInput(f"{path} holds a {type(checkpoint).__name__}, expected a dict with model, stoi and itos")
    if missing := [key for key in ("model", "stoi", "itos") if key not in checkpoint]:
        raise BadInput(f"{path} lacks {', '.join(missing)}; it has {some(sorted(map(str, checkpoint))) or 'nothing'}")
    model, stoi, itos = checkpoint["model"], checkpoint["stoi"], checkpoint["itos"]
    if not isinstance(model, dict) or not all(isinstance(tensor, torch.Tensor) for tensor in model.values()):
        raise BadInput(f"{path}: model is not a state dict of tensors")

    state = {}
    for name, tensor in model.items():
        stripped = str(name)
        while stripped.startswith(WRAPPERS):
            stripped = stripped.partition(".")[2]
        if MASK_BUFFER.fullmatch(stripped):
            continue
        if stripped in state:
            raise BadInput(f"{path}: {stripped} occurs twice, once as {name}")
        if not tensor.is_floating_point():
            raise BadInput(f"{path}: {name} is {tensor.dtype}, expected floating point numbers")
        state[stripped] = tensor.float()
    return state, stoi, itos


def read_vocab(stoi, itos, vocab_size):
    """Returns a dict of character to id, after checking that both tables agree and cover 0 to vocab_size - 1."""
    if isinstance(itos, (list, tuple)):
        itos = dict(enumerate(itos))
    for name, table in (("stoi", stoi), ("itos", itos)):
        if not isinstance(table, dict):
            raise BadInput(f"{name} is a {type(table).__name__}, expected a dict")
    for token, index in stoi.items():
        if not isinstance(token, str) or not token or type(index) is not int:
            raise BadInput(f"stoi has {token!r}: {index!r}, expected a character and an integer")
        if index not in itos:
            raise BadInput(f"stoi and itos disagree: stoi has {token!r}: {index}, itos has no {index}")
        if itos[index] != token:
            raise BadInput(f"stoi and itos disagree: stoi has {token!r}: {index}, itos has {index}: {itos[index]!r}")
    for index, token in itos.items():
        if type(index) is not int or stoi.get(token) != index:
            raise BadInput(f"stoi and itos disagree: itos has {index!r}: {token!r}, stoi has {stoi.get(token)!r}")
    ids = set(itos)
    if holes := sorted(set(range(vocab_size)) - ids):
        raise BadInput(
            f"{len(holes)} ids of 0 to {vocab_size - 1} (tok_emb.weight has {vocab_size} rows) have no character: "
            f"{some(holes)}"
        )
    if outside := sorted(ids - set(range(vocab_size))):
        raise BadInput(f"itos has ids outside 0 to {vocab_size - 1} (the rows of tok_emb.weight): {some(outside)}")
    return stoi


def matrix_shape(state, name, meaning):
    """Returns the shape of a required tensor with two dimensions."""
    if name not in state:
        raise BadInput(f"the checkpoint lacks {name}; it has {some(sorted(state)) or 'no tensors'}")
    if state[name].dim() != 2:
        raise BadInput(f"{name} has shape {list(state[name].shape)}, expected {meaning}")
    return tuple(state[name].shape)


def make_config(state, args):
    """Infers the sizes from some tensors. `check_tensors` compares the others with them."""
    vocab_size, width = matrix_shape(state, "tok_emb.weight", "[vocab_size, hidden_size]")
    context, _ = matrix_shape(state, "pos_emb.weight", "[context, hidden_size]")
    inner, _ = matrix_shape(state, "blocks.0.mlp.c_fc.weight", "[intermediate_size, hidden_size]")
    if 0 in (vocab_size, width, context, inner):
        raise BadInput("tok_emb.weight, pos_emb.weight or blocks.0.mlp.c_fc.weight has a dimension of 0")
    if width % args.heads:
        raise BadInput(f"the hidden size {width} is not a multiple of --heads {args.heads}")
    blocks = {int(match[1]) for name in state if (match := re.match(r"blocks\.(\d+)\.", name))}
    layers = max(blocks) + 1
    if holes := sorted(set(range(layers)) - blocks):
        raise BadInput(f"the checkpoint has blocks up to {layers - 1} but lacks {some(holes)}")
    head = state.get("lm_head.weight")
    return gpt2_config(
        vocab_size=vocab_size,
        context=context,
        width=width,
        layers=layers,
        heads=args.heads,
        inner=inner,
        activation=args.activation,
        layer_norm_eps=args.layer_norm_eps,
        tied=head is None or torch.equal(head, state["tok_emb.weight"]),
        dtype=args.dtype,
    )


def name_pairs(layers):
    """Yields (checkpoint module, GPT-2 module, linear): every module with a weight and an optional bias."""
    for layer in range(layers):
        for ours, (theirs, linear) in BLOCK_PARTS.items():
            yield f"blocks.{layer}.{ours}", f"h.{layer}.{theirs}", linear
    yield "ln_f", "ln_f", False


def convert_tensors(state, config):
    """Returns the tensors with GPT-2's names. Messages use the checkpoint's names and layouts."""
    state = dict(state)
    shapes = expected_shapes(config)
    tensors, missing = {}, []

    def take(source, target, transpose=False):
        tensor = state.pop(source, None)
        expected = shapes[target]
        if tensor is None and source.endswith(".bias"):
            tensor = torch.zeros(expected)
        elif tensor is None:
            missing.append(source)
            return
        if transpose:
            expected = expected[::-1]
        if tuple(tensor.shape) != expected:
            raise BadInput(
                f"{source} has shape {list(tensor.shape)}, expected {list(expected)}\n"
                f"  hint: tok_emb.weight says that the hidden size is {config['n_embd']}"
            )
        tensors[target] = tensor.T if transpose else tensor

    take("tok_emb.weight", "wte.weight")
    take("pos_emb.weight", "wpe.weight")
    for ours, theirs, linear in name_pairs(config["n_layer"]):
        take(f"{ours}.weight", f"{theirs}.weight", linear)
        take(f"{ours}.bias", f"{theirs}.bias")
    if config["tie_word_embeddings"]:
        state.pop("lm_head.weight", None)
    else:
        take("lm_head.weight", "lm_head.weight")

    if missing:
        raise BadInput(f"the checkpoint lacks {len(missing)} tensors: {some(missing)}")
    head_bias = state.pop("lm_head.bias", None)
    if head_bias is not None and head_bias.any():
        raise BadInput("lm_head.bias is not zero, and GPT-2 has no bias there")
    if state:
        raise BadInput(f"the checkpoint has {len(state)} tensors that GPT-2 does not have: {some(sorted(state))}")
    check_tensors(tensors, config, "the checkpoint")
    return tensors


def first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0]


def positive_number(text):
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description="Convert a PyTorch checkpoint of a character-level GPT to config.json, tokenizer.json and "
        "model.safetensors.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("checkpoint", type=Path, help='a dict with "model", "stoi" and "itos", saved by torch.save')
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where to write the model")
    parser.add_argument("--heads", type=positive, required=True, help="attention heads per block")
    parser.add_argument("--activation", choices=ACTIVATIONS, default="gelu", help="activation of the feed-forward layers")
    parser.add_argument("--layer-norm-eps", type=positive_number, default=1e-5, help="epsilon of all layer norms")
    parser.add_argument("--dtype", choices=DTYPES, default="f32", help="number format of the written weights")
    parser.add_argument("--force", action="store_true", help="replace the model files that --out already has")
    args = parser.parse_args(arguments)

    refuse_overwrite(args.out, args.force)
    state, stoi, itos = load_checkpoint(args.checkpoint)
    config = make_config(state, args)
    tensors = convert_tensors(state, config)
    vocab = read_vocab(stoi, itos, config["vocab_size"])
    write_model_folder(args.out, config, character_tokenizer(vocab), tensors, args.dtype, args.force)

    print(
        f"wrote {args.out}: {config['n_layer']} layers, {args.heads} heads, hidden size {config['n_embd']}, "
        f"context {config['n_positions']}, {config['vocab_size']} characters, "
        f"{'tied' if config['tie_word_embeddings'] else 'separate'} head, {args.activation}, {args.dtype}"
    )
    if longer := sorted(token for token in vocab if len(token) > 1 and token != UNKNOWN):
        print(f"note: these entries are longer than one character, so no text is encoded to them: {some(longer)}")
    if UNKNOWN not in vocab:
        print(f"note: the vocabulary has no {UNKNOWN}; text with other characters cannot be encoded")


if __name__ == "__main__":
    sys.exit(exit_code_of(main))
