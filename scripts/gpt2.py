"""GPT-2 in PyTorch, for train_soseki_mini.py.

Names and layouts of parameters are Hugging Face's, so a state dict can be saved as model.safetensors.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F


class Conv1D(nn.Module):
    """y = x @ weight + bias, weight [in, out]."""

    def __init__(self, fan_in, fan_out, std=0.02):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(fan_in, fan_out) * std)
        self.bias = nn.Parameter(torch.zeros(fan_out))

    def forward(self, x):
        return x @ self.weight + self.bias


class Attention(nn.Module):
    """Causal multi-head self-attention over x [batch, time, width]."""

    def __init__(self, width, heads, residual_std, dropout):
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.c_attn = Conv1D(width, 3 * width)
        self.c_proj = Conv1D(width, width, residual_std)

    def forward(self, x):
        batch, time_, width = x.shape
        q, k, v = (
            part.view(batch, time_, self.heads, width // self.heads).transpose(1, 2)
            for part in self.c_attn(x).split(width, dim=2)
        )
        dropout = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        return self.c_proj(mixed.transpose(1, 2).reshape(batch, time_, width))


class Mlp(nn.Module):
    """Two linear layers with GELU between them, over x [batch, time, width]."""

    def __init__(self, width, inner, activation, residual_std):
        super().__init__()
        self.approximate = "none" if activation == "gelu" else "tanh"
        self.c_fc = Conv1D(width, inner)
        self.c_proj = Conv1D(inner, width, residual_std)

    def forward(self, x):
        return self.c_proj(F.gelu(self.c_fc(x), approximate=self.approximate))


class Block(nn.Module):
    """Attention and MLP over x [batch, time, width], each after a layer norm and with a residual connection."""

    def __init__(self, width, heads, inner, activation, eps, residual_std, dropout):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, eps)
        self.attn = Attention(width, heads, residual_std, dropout)
        self.ln_2 = nn.LayerNorm(width, eps)
        self.mlp = Mlp(width, inner, activation, residual_std)
        self.drop = nn.Dropout(dropout)

    def forward(self, x):
        x = x + self.drop(self.attn(self.ln_1(x)))
        return x + self.drop(self.mlp(self.ln_2(x)))


class Gpt2(nn.Module):
    """GPT-2 from the fields of a config.json. `forward` maps ids [batch, time] to logits [batch, time, vocab]."""

    def __init__(self, config, dropout=0.0):
        super().__init__()
        width, layers = config["n_embd"], config["n_layer"]
        # Every block adds twice to the residual stream. This scale keeps the sum's variance independent of
        # the depth.
        residual_std = 0.02 / math.sqrt(2 * layers)
        block = (
            width,
            config["n_head"],
            config.get("n_inner") or 4 * width,
            config["activation_function"],
            config["layer_norm_epsilon"],
            residual_std,
            dropout,
        )
        self.wte = nn.Embedding(config["vocab_size"], width)
        self.wpe = nn.Embedding(config["n_positions"], width)
        self.h = nn.ModuleList(Block(*block) for _ in range(layers))
        self.ln_f = nn.LayerNorm(width, config["layer_norm_epsilon"])
        self.drop = nn.Dropout(dropout)
        nn.init.normal_(self.wte.weight, std=0.02)
        nn.init.normal_(self.wpe.weight, std=0.02)
        self.lm_head = None
        if not config.get("tie_word_embeddings", True):
            self.lm_head = nn.Linear(width, config["vocab_size"], bias=False)

    def forward(self, ids):
        x = self.drop(self.wte(ids) + self.wpe(torch.arange(ids.shape[1], device=ids.device)))
        for block in self.h:
            x = block(x)
        x = self.ln_f(x)
        return F.linear(x, self.wte.weight) if self.lm_head is None else self.lm_head(x)
