"""Defines tiny models with rotary positions for tests/goldens: Llama, Mistral, Qwen 2, Qwen 3 and Gemma 3.

A variant's name says how it differs from its family's plain form. Its `contrasts` are changes to the configuration that
must change the logits: if they did not, a loader that ignores the field would pass the golden.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from golden_models import DTYPES

SIZES = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-6,
}
LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    **SIZES,
    "hidden_act": "silu",
    "tie_word_embeddings": False,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
MISTRAL = LLAMA | {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}
QWEN2 = LLAMA | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "tie_word_embeddings": True}
QWEN3 = QWEN2 | {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "head_dim": 12}
GEMMA3 = {
    "architectures": ["Gemma3ForCausalLM"],
    "model_type": "gemma3_text",
    **SIZES,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "head_dim": 16,
    "query_pre_attn_scalar": 16,
    "sliding_window": 6,
    "hidden_activation": "gelu_pytorch_tanh",
    "attention_bias": False,
    "attn_logit_softcapping": None,
    "final_logit_softcapping": None,
    "pad_token_id": 0,
    "eos_token_id": 1,
    "bos_token_id": 2,
}
# The form of older files: every n-th layer has full attention.
GEMMA3_OLD = {"sliding_window_pattern": 2, "rope_theta": 1000000, "rope_local_base_freq": 10000, "rope_scaling": None}
# The form of gemma-3-4b. Missing fields have their defaults, so only the sixth layer has full attention.
GEMMA3_MULTIMODAL = {
    "architectures": ["Gemma3ForConditionalGeneration"],
    "model_type": "gemma3",
    "image_token_index": 95,
    "eos_token_id": [1, 3],
    "text_config": {
        "model_type": "gemma3_text",
        "vocab_size": 96,
        "hidden_size": 24,
        "intermediate_size": 32,
        "num_hidden_layers": 7,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 12,
        "max_position_embeddings": 64,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
        "sliding_window": 7,
    },
    "vision_config": {
        "model_type": "siglip_vision_model",
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_attention_heads": 1,
        "num_hidden_layers": 1,
        "image_size": 8,
        "patch_size": 4,
        "vision_use_head": False,
    },
    "mm_tokens_per_image": 4,
}


@dataclass
class RopeVariant:
    """A tiny model with rotary positions and random weights."""

    name: str
    seed: int
    family: dict
    config: dict = field(default_factory=dict)
    prompt: int = 16
    dtype: str = "float32"
    prefix: str = "model."
    # Tensors that are not part of the language model, by name.
    others: dict = field(default_factory=dict)
    # Changes to the configuration that must change the logits.
    contrasts: list = field(default_factory=list)
    shards: int = 1

    def model_config(self):
        # A variant's field replaces the family's, without merging objects.
        return {**self.family, "dtype": self.dtype, **self.config}

    def tensors(self):
        """Returns random weights by name, already rounded to the variant's format."""
        random = np.random.RandomState(self.seed)
        config = self.model_config()
        config = config.get("text_config", config)
        is_gemma = config["model_type"] == "gemma3_text"
        hidden, inner, vocab = (config[key] for key in ("hidden_size", "intermediate_size", "vocab_size"))
        head_dim = config.get("head_dim") or hidden // config["num_attention_heads"]
        q_size, kv_size = (config[f"num_{key}_heads"] * head_dim for key in ("attention", "key_value"))
        attention_bias = config.get("attention_bias", False)
        qkv_bias = attention_bias or config["model_type"] == "qwen2"
        mlp_bias = config.get("mlp_bias", False)
        tensors = {}

        def add(name, shape, std, mean=0.0):
            values = mean + std * random.standard_normal(shape)
            tensors[name] = torch.from_numpy(values).to(DTYPES[self.dtype])

        def linear(name, fan_out, fan_in, gain, bias=False):
            add(f"{name}.weight", (fan_out, fan_in), gain / math.sqrt(fan_in))
            if bias:
                add(f"{name}.bias", (fan_out,), 0.5)

        def norm(name, size, mean=1.0, std=0.3):
            # Gemma stores the weights of norms minus 1.
            add(f"{name}.weight", (size,), std, mean - 1.0 if is_gemma else mean)

        add(f"{self.prefix}embed_tokens.weight", (vocab, hidden), 2.0 / math.sqrt(hidden))
        for layer in range(config["num_hidden_layers"]):
            block = f"{self.prefix}layers.{layer}"
            norm(f"{block}.input_layernorm", hidden)
            linear(f"{block}.self_attn.q_proj", q_size, hidden, 1.5, qkv_bias)
            linear(f"{block}.self_attn.k_proj", kv_size, hidden, 1.5, qkv_bias)
            linear(f"{block}.self_attn.v_proj", kv_size, hidden, 2.0, qkv_bias)
            linear(f"{block}.self_attn.o_proj", hidden, q_size, 1.5, attention_bias)
            if is_gemma or config["model_type"] == "qwen3":
                # The mean is above 1, because normalised heads would attend almost evenly otherwise.
                norm(f"{block}.self_attn.q_norm", head_dim, 1.8)
                norm(f"{block}.self_attn.k_norm", head_dim, 1.8)
            norm(f"{block}.post_attention_layernorm", hidden)
            if is_gemma:
                norm(f"{block}.pre_feedforward_layernorm", hidden)
                norm(f"{block}.post_feedforward_layernorm", hidden)
            linear(f"{block}.mlp.gate_proj", inner, hidden, 2.0, mlp_bias)
            linear(f"{block}.mlp.up_proj", inner, hidden, 2.0, mlp_bias)
            linear(f"{block}.mlp.down_proj", hidden, inner, 1.5, mlp_bias)
        if config.get("tie_word_embeddings", is_gemma):
            # Both signs are needed, because a token would always predict itself otherwise.
            norm(f"{self.prefix}norm", hidden, 0.0, 1.0)
        else:
            norm(f"{self.prefix}norm", hidden)
            linear("lm_head", vocab, hidden, 2.0)
        for name, shape in self.others.items():
            add(name, shape, 1.0)
        return tensors

    def prompt_ids(self):
        config = self.model_config()
        vocab = config.get("text_config", config)["vocab_size"]
        # The last id is left out, because it is the image token of some models.
        return np.random.RandomState(1000 + self.seed).randint(vocab - 1, size=self.prompt).tolist()


NEW_CONFIG = {
    "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
    "_sliding_window_pattern": 6,
    "rope_parameters": {
        "full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 1000000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0},
    },
}
LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    # Of the 8 frequencies, 1 is kept, 2 are blended and 5 are divided.
    "original_max_position_embeddings": 64,
}
MULTIMODAL_CONTRASTS = [
    {"text_config": {"rope_scaling": {"factor": 1.0}}},
    {"text_config": {"sliding_window": 64}},
    {"text_config": {"sliding_window_pattern": 7}},
    {"text_config": {"query_pre_attn_scalar": 12}},
    {"text_config": {"rope_local_base_freq": 1000000}},
]

ROPE_VARIANTS = [
    RopeVariant(
        "llama-linear",
        301,
        LLAMA,
        {"rope_theta": 10000.0, "rope_scaling": {"type": "linear", "factor": 4.0}},
        contrasts=[{"rope_scaling": None}],
    ),
    RopeVariant(
        "llama-llama3",
        2,
        LLAMA,
        {
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "max_position_embeddings": 512,
            "rope_parameters": LLAMA3_ROPE,
        },
        prompt=24,
        contrasts=[
            {"rope_parameters": {"rope_type": "default"}},
            {"rope_parameters": {"rope_type": "linear"}},
            {"rope_parameters": {"low_freq_factor": 2.0}},
            {"rope_parameters": {"high_freq_factor": 2.0}},
            {"rope_parameters": {"original_max_position_embeddings": 512}},
        ],
    ),
    RopeVariant(
        "llama-bias",
        203,
        LLAMA,
        {"rope_theta": 10000.0, "attention_bias": True, "mlp_bias": True},
        contrasts=[{"attention_bias": False}, {"mlp_bias": False}],
    ),
    # Sizes that are odd or not multiples of 4.
    RopeVariant(
        "llama-odd",
        4,
        LLAMA,
        {
            "rope_theta": 10000.0,
            "vocab_size": 67,
            "hidden_size": 30,
            "intermediate_size": 35,
            "num_hidden_layers": 3,
            "num_attention_heads": 3,
            "num_key_value_heads": 1,
            "head_dim": 10,
            "tie_word_embeddings": True,
        },
        prompt=13,
    ),
    RopeVariant("llama-f16", 105, LLAMA, {"rope_theta": 500000.0}, dtype="float16"),
    RopeVariant("llama-bf16", 6, LLAMA, {"rope_theta": 500000.0}, dtype="bfloat16"),
    RopeVariant(
        "mistral-window",
        207,
        MISTRAL,
        {"rope_theta": 10000.0, "sliding_window": 5},
        contrasts=[{"sliding_window": None}, {"sliding_window": 4}, {"sliding_window": 6}],
    ),
    RopeVariant(
        "mistral-full",
        308,
        MISTRAL,
        {"rope_theta": 1000000.0, "sliding_window": None, "head_dim": 12},
        contrasts=[{"sliding_window": 5}],
    ),
    RopeVariant(
        "qwen2-window",
        9,
        QWEN2,
        {
            "num_hidden_layers": 3,
            "rope_theta": 1000000.0,
            "use_sliding_window": True,
            "sliding_window": 6,
            "max_window_layers": 1,
        },
        prompt=18,
        contrasts=[{"use_sliding_window": False}, {"max_window_layers": 0}, {"max_window_layers": 2}],
    ),
    RopeVariant(
        "qwen3-bias",
        510,
        QWEN3,
        {"rope_theta": 1000000.0, "attention_bias": True},
        contrasts=[{"attention_bias": False}],
    ),
    RopeVariant(
        "gemma3-softcap",
        211,
        GEMMA3,
        {**GEMMA3_OLD, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 4.0},
        contrasts=[{"attn_logit_softcapping": None}, {"final_logit_softcapping": None}],
    ),
    RopeVariant(
        "gemma3-new-config",
        312,
        GEMMA3,
        NEW_CONFIG,
        prompt=20,
        contrasts=[
            {"layer_types": ["sliding_attention"] * 3},
            {"layer_types": ["full_attention"] * 3},
            {"rope_parameters": {"full_attention": {"factor": 1.0}}},
            {"rope_parameters": {"full_attention": {"rope_theta": 10000.0}}},
            {"rope_parameters": {"sliding_attention": {"rope_theta": 1000000.0}}},
        ],
    ),
    # The tensor names of the first release, and those of newer files.
    RopeVariant(
        "gemma3-multimodal",
        213,
        GEMMA3_MULTIMODAL,
        prompt=20,
        prefix="language_model.model.",
        others={"vision_tower.vision_model.embeddings.patch_embedding.bias": (8,)},
        contrasts=MULTIMODAL_CONTRASTS,
    ),
    RopeVariant(
        "gemma3-multimodal-new",
        14,
        GEMMA3_MULTIMODAL,
        prompt=20,
        prefix="model.language_model.",
        others={"model.vision_tower.vision_model.embeddings.patch_embedding.bias": (8,)},
        contrasts=MULTIMODAL_CONTRASTS,
    ),
    RopeVariant(
        "gemma3-bf16",
        115,
        GEMMA3,
        {
            **GEMMA3_OLD,
            "hidden_size": 40,
            "num_attention_heads": 4,
            "num_key_value_heads": 2,
            "head_dim": 8,
            "query_pre_attn_scalar": 20,
            "tie_word_embeddings": False,
        },
        dtype="bfloat16",
        contrasts=[{"query_pre_attn_scalar": 8}],
    ),
]
