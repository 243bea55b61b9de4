#!/usr/bin/env python3
"""Writes tests/goldens/blocks: blocks of every quantised format, and the gguf package's values for them.

    python3 scripts/make_block_goldens.py

Needs the PyPI packages gguf, numpy and safetensors. Each file has `bytes`, [rows, row_bytes] u8, and `values`,
[rows, columns] f32. Quants and scales are random bits, so that every bit matters. f16 factors are random finite
numbers.
"""

from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type
from gguf.quants import dequantize
from safetensors.numpy import save_file

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "goldens" / "blocks"
ROWS, BLOCKS = 3, 2

# The offsets of the f16 numbers in a block.
HALVES = {
    Type.Q8_0: [0], Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2],
    Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
}


def main() -> None:
    random = np.random.default_rng(1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for kind, halves in HALVES.items():
        _, block_bytes = GGML_QUANT_SIZES[kind]
        blocks = random.integers(0, 256, (ROWS * BLOCKS, block_bytes), dtype=np.uint8)
        for offset in halves:
            numbers = random.uniform(-2, 2, ROWS * BLOCKS).astype(np.float16)
            blocks[:, offset : offset + 2] = numbers[:, None].view(np.uint8)
        rows = blocks.reshape(ROWS, BLOCKS * block_bytes)
        values = dequantize(rows, kind).astype(np.float32)
        save_file({"bytes": rows, "values": values}, FOLDER / f"{kind.name.lower()}.safetensors")


if __name__ == "__main__":
    main()
