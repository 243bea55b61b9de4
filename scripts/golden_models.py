"""Defines the tiny GPT-2 models of tests/goldens, and writes and reads models there."""

import json
import math
from copy import deepcopy
from dataclasses import dataclass, field

import numpy as np
import torch
from safetensors.torch import load_file, save_file

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


@dataclass
class Gpt2Variant:
    """A tiny GPT-2 with random weights. Its name says how it differs from a plain GPT-2."""

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
    # Changes to the configuration that must change the logits.
    contrasts: list = field(default_factory=list)

    def model_config(self):
        config = {
            "architectures": ["GPT2LMHeadModel"],
            "model_type": "gpt2",
            "vocab_size": self.vocab,
            "n_positions": self.context,
            "n_ctx": self.context,
            "n_embd": self.hidden,
            "n_layer": self.layers,
            "n_head": self.heads,
            "n_inner": self.inner,
            "activation_function": "gelu_new",
            "layer_norm_epsilon": 1e-5,
            "bos_token_id": self.vocab - 1,
            "eos_token_id": self.vocab - 1,
            "torch_dtype": self.dtype,
        }
        return config | self.config

    def tensors(self):
        """Returns random weights by name, already rounded to the variant's format."""
        random = np.random.RandomState(self.seed)
        hidden, inner = self.hidden, self.inner or 4 * self.hidden
        # Wide layers get smaller weights, so that logits and attention scores keep their scale.
        std = min(0.4, 2.2 / math.sqrt(hidden))
        embedding_std = self.embedding_std or std
        tensors = {}

        def add(name, shape, std, mean=0.0):
            tensors[name] = torch.from_numpy(mean + std * random.standard_normal(shape)).to(DTYPES[self.dtype])

        add(f"{self.prefix}wte.weight", (self.vocab, hidden), embedding_std)
        add(f"{self.prefix}wpe.weight", (self.context, hidden), embedding_std)
        for layer in range(self.layers):
            block = f"{self.prefix}h.{layer}"
            linears = [("attn.c_attn", hidden, 3 * hidden), ("attn.c_proj", hidden, hidden)]
            linears += [("mlp.c_fc", hidden, inner), ("mlp.c_proj", inner, hidden)]
            for norm in ("ln_1", "ln_2"):
                add(f"{block}.{norm}.weight", (hidden,), 0.3, mean=1.0)
                add(f"{block}.{norm}.bias", (hidden,), 0.2)
            for name, fan_in, fan_out in linears:
                add(f"{block}.{name}.weight", (fan_in, fan_out), std)
                add(f"{block}.{name}.bias", (fan_out,), 0.3)
            if self.mask_buffers:
                size = self.context
                tensors[f"{block}.attn.bias"] = torch.tril(torch.ones(size, size)).view(1, 1, size, size)
                tensors[f"{block}.attn.masked_bias"] = torch.tensor(-1e4)
        add(f"{self.prefix}ln_f.weight", (hidden,), 0.3, mean=1.0)
        add(f"{self.prefix}ln_f.bias", (hidden,), 0.2)
        if not self.tied:
            add("lm_head.weight", (self.vocab, hidden), std)
        return tensors

    def prompt_ids(self):
        return np.random.RandomState(1000 + self.seed).randint(self.vocab, size=self.prompt).tolist()


GPT2_VARIANTS = [
    Gpt2Variant(
        "gpt2-gelu",
        161,
        inner=50,
        prefix="transformer.",
        config={"activation_function": "gelu"},
        contrasts=[{"activation_function": "gelu_new"}],
    ),
    Gpt2Variant(
        "gpt2-untied",
        2,
        prefix="transformer.",
        tied=False,
        config={"activation_function": "gelu_pytorch_tanh", "tie_word_embeddings": False},
    ),
    # Sizes that are not multiples of 2 or 4, alone and together.
    Gpt2Variant("gpt2-odd-7", 3, hidden=21, heads=3, inner=53, vocab=101, context=37, prompt=13),
    Gpt2Variant("gpt2-odd-5", 84, hidden=15, heads=3, inner=17, vocab=53, context=29, prompt=11, layers=3),
    Gpt2Variant("gpt2-f16", 5, hidden=40, heads=4, vocab=300, dtype="float16"),
    Gpt2Variant("gpt2-bf16", 6, hidden=24, heads=2, vocab=120, dtype="bfloat16", prefix="transformer."),
    Gpt2Variant("gpt2-sharded", 27, hidden=24, heads=2, vocab=77, shards=3, prefix="transformer."),
    Gpt2Variant("gpt2-head-80", 8, hidden=160, heads=2, inner=24, vocab=90, context=32, dtype="float16", layers=1),
    Gpt2Variant("gpt2-head-272", 9, hidden=272, heads=1, inner=24, vocab=50, context=30, dtype="float16", layers=1),
    # The embeddings are so small that the variance in the first norms is about as large as epsilon.
    Gpt2Variant(
        "gpt2-eps",
        30,
        vocab=64,
        embedding_std=0.03,
        tied=False,
        config={"layer_norm_epsilon": 1e-3, "tie_word_embeddings": False},
        contrasts=[{"layer_norm_epsilon": 1e-5}],
    ),
    # Like the files of the first GPT-2 release: no prefix, and the causal masks are stored as tensors.
    Gpt2Variant("gpt2-mask-buffers", 11, hidden=20, heads=2, vocab=80, mask_buffers=True, context=32),
]


def write_model(variant, folder):
    tensors = variant.tensors()
    write_json(folder / "config.json", variant.model_config())
    if variant.shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names = sorted(tensors)
    weight_map = {}
    for shard in range(variant.shards):
        file = f"model-{shard + 1:05}-of-{variant.shards:05}.safetensors"
        # Take every n-th name, so that the tensors of one layer are in different files.
        chosen = names[shard :: variant.shards]
        weight_map |= dict.fromkeys(chosen, file)
        save_file({name: tensors[name] for name in chosen}, folder / file, metadata={"format": "pt"})
    total = sum(tensor.nbytes for tensor in tensors.values())
    index = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
    write_json(folder / "model.safetensors.index.json", index)


def stored_tensors(folder):
    """Returns all tensors of a model folder, sharded or not."""
    index = folder / "model.safetensors.index.json"
    if not index.exists():
        return load_file(folder / "model.safetensors")
    files = sorted(set(json.loads(index.read_text())["weight_map"].values()))
    return {name: tensor for file in files for name, tensor in load_file(folder / file).items()}


def merged(config, changes):
    """Returns `config` with `changes`, merged into nested objects too."""
    result = deepcopy(config)
    for key, value in changes.items():
        inner = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if inner else value
    return result


def write_json(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
