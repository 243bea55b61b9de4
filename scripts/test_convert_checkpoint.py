#!/usr/bin/env python3
"""Tests convert_checkpoint.py: a converted checkpoint gives the same logits in transformers.

    python3 scripts/test_convert_checkpoint.py

The checkpoint is that of a small GPT, which is written below with plain matrix products. transformers' GPT2LMHeadModel
runs the converted folder. The other tests check that invalid checkpoints are refused: exit code 2, a message, and no
files.

Needs torch, transformers, numpy and safetensors.
"""

import contextlib
import io
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import torch
from torch.nn import functional as F
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast, logging

import convert_checkpoint
from model_folder import exit_code_of

SCRIPT = Path(__file__).with_name("convert_checkpoint.py")
HIDDEN, HEADS, LAYERS, INNER, CONTEXT = 24, 3, 2, 40, 16
CHARACTERS = ["<unk>", *"\n 。、いうえお吾輩は猫であるABC𠮟"]
TOLERANCE = 1e-5


def make_state(tied=False, biases=True, seed=0):
    """Returns a state dict of random weights with the checkpoint's names."""
    random = torch.Generator().manual_seed(seed)

    def normal(*shape, mean=0.0, std=0.3):
        return mean + std * torch.randn(*shape, generator=random)

    state = {"tok_emb.weight": normal(len(CHARACTERS), HIDDEN), "pos_emb.weight": normal(CONTEXT, HIDDEN)}
    linears = {"attn.c_attn": (3 * HIDDEN, HIDDEN), "attn.c_proj": (HIDDEN, HIDDEN)}
    linears |= {"mlp.c_fc": (INNER, HIDDEN), "mlp.c_proj": (HIDDEN, INNER)}
    norms = [f"blocks.{layer}.{norm}" for layer in range(LAYERS) for norm in ("ln1", "ln2")] + ["ln_f"]
    for norm in norms:
        state[f"{norm}.weight"] = normal(HIDDEN, mean=1.0)
        state[f"{norm}.bias"] = normal(HIDDEN)
    for layer in range(LAYERS):
        for name, shape in linears.items():
            state[f"blocks.{layer}.{name}.weight"] = normal(*shape)
            state[f"blocks.{layer}.{name}.bias"] = normal(shape[0])
    state["lm_head.weight"] = state["tok_emb.weight"] if tied else normal(len(CHARACTERS), HIDDEN)
    return state if biases else {name: tensor for name, tensor in state.items() if not name.endswith(".bias")}


def reference_logits(state, ids, activation=F.gelu):
    """Runs the checkpoint's GPT in float64 and returns the logits [T, vocab_size]."""
    state = {name: tensor.double() for name, tensor in state.items()}

    def linear(x, name):
        return x @ state[f"{name}.weight"].T + state.get(f"{name}.bias", 0.0)

    def norm(x, name):
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / torch.sqrt((centred**2).mean(-1, keepdim=True) + 1e-5)
        return scaled * state[f"{name}.weight"] + state.get(f"{name}.bias", 0.0)

    num_tokens, head_dim = len(ids), HIDDEN // HEADS
    x = state["tok_emb.weight"][ids] + state["pos_emb.weight"][:num_tokens]
    future = torch.ones(num_tokens, num_tokens).triu(1).bool()
    for layer in range(LAYERS):
        block = f"blocks.{layer}"
        q, k, v = linear(norm(x, f"{block}.ln1"), f"{block}.attn.c_attn").split(HIDDEN, -1)
        mixed = []
        for head in range(HEADS):
            part = slice(head * head_dim, (head + 1) * head_dim)
            scores = q[:, part] @ k[:, part].T / head_dim**0.5
            mixed.append(scores.masked_fill(future, -torch.inf).softmax(-1) @ v[:, part])
        x = x + linear(torch.cat(mixed, -1), f"{block}.attn.c_proj")
        x = x + linear(activation(linear(norm(x, f"{block}.ln2"), f"{block}.mlp.c_fc")), f"{block}.mlp.c_proj")
    return norm(x, "ln_f") @ state["lm_head.weight"].T


def make_checkpoint(state):
    itos = dict(enumerate(CHARACTERS))
    return {"model": dict(state), "stoi": {token: index for index, token in itos.items()}, "itos": itos}


class ConvertCheckpoint(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.out = self.folder / "out"

    def convert(self, checkpoint, *flags, heads=HEADS):
        """Returns (exit code, standard error). If the checkpoint is None, the existing file is used."""
        path = self.folder / "checkpoint.pt"
        if checkpoint is not None:
            torch.save(checkpoint, path)
        arguments = [str(path), "--out", str(self.out), "--heads", str(heads), *flags]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            try:
                code = exit_code_of(convert_checkpoint.main, arguments)
            except SystemExit as argparse_refused:
                code = argparse_refused.code
        return code, errors.getvalue()

    def assert_same_logits(self, checkpoint, state, *flags, activation=F.gelu):
        code, errors = self.convert(checkpoint, *flags)
        self.assertEqual(code, 0, errors)
        self.assertEqual(
            sorted(path.name for path in self.out.iterdir()), ["config.json", "model.safetensors", "tokenizer.json"]
        )
        ids = torch.randint(len(CHARACTERS), (CONTEXT,), generator=torch.Generator().manual_seed(1))
        want = reference_logits(state, ids, activation)
        model, report = GPT2LMHeadModel.from_pretrained(
            self.out, dtype=torch.float64, attn_implementation="eager", output_loading_info=True
        )
        self.assertEqual(len({path.stat().st_mode for path in self.out.iterdir()}), 1, "permissions differ")
        self.assertFalse(report["missing_keys"] or report["unexpected_keys"], report)
        with torch.no_grad():
            got = model.eval()(ids[None]).logits[0]
        self.assertEqual(got.shape, want.shape)
        self.assertLess((got - want).abs().max().item(), TOLERANCE)
        return model

    def assert_refused(self, checkpoint, *words, flags=(), heads=HEADS):
        code, errors = self.convert(checkpoint, *flags, heads=heads)
        self.assertEqual(code, 2, errors)
        self.assertTrue(errors.startswith("error: "), errors)
        for word in words:
            self.assertIn(word, errors)
        self.assertFalse(self.out.exists(), "something was written")

    # --- What is converted ---

    def test_untied_head(self):
        state = make_state()
        model = self.assert_same_logits(make_checkpoint(state), state)
        self.assertFalse(model.config.tie_word_embeddings)
        self.assertEqual(model.config.n_inner, INNER)

    def test_tied_head(self):
        state = make_state(tied=True)
        model = self.assert_same_logits(make_checkpoint(state), state)
        self.assertTrue(model.config.tie_word_embeddings)

    def test_absent_head_is_tied(self):
        state = make_state(tied=True)
        stored = {name: tensor for name, tensor in state.items() if name != "lm_head.weight"}
        self.assert_same_logits(make_checkpoint(stored), state)

    def test_absent_biases_are_zero(self):
        state = make_state(biases=False)
        self.assert_same_logits(make_checkpoint(state), state)

    def test_tanh_activation(self):
        state = make_state()
        tanh = lambda x: F.gelu(x, approximate="tanh")
        self.assert_same_logits(make_checkpoint(state), state, "--activation", "gelu_pytorch_tanh", activation=tanh)

    def test_the_activation_matters(self):
        state = make_state()
        tanh = lambda x: F.gelu(x, approximate="tanh")
        with self.assertRaises(AssertionError):
            self.assert_same_logits(make_checkpoint(state), state, activation=tanh)

    def test_wrappers_and_mask_buffers_are_dropped(self):
        state = make_state()
        stored = {f"module._orig_mod.{name}": tensor for name, tensor in state.items()}
        mask = torch.tril(torch.ones(1, 1, CONTEXT, CONTEXT))
        stored["module._orig_mod.blocks.0.attn.bias"] = mask
        stored["module._orig_mod.blocks.1.attn.mask"] = mask.bool()
        self.assert_same_logits(make_checkpoint(stored) | {"iteration": 7}, state)

    def test_itos_may_be_a_list(self):
        state = make_state()
        self.assert_same_logits(make_checkpoint(state) | {"itos": CHARACTERS}, state)

    def test_f16_rounds_the_weights(self):
        state = {name: tensor.half().float() for name, tensor in make_state().items()}
        self.assert_same_logits(make_checkpoint(state), state, "--dtype", "f16")

    def test_tokenizer_round_trip(self):
        self.assertEqual(self.convert(make_checkpoint(make_state()))[0], 0)
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(self.out / "tokenizer.json"))
        text = "吾輩は猫である。\nA 𠮟、い"
        ids = tokenizer.encode(text)
        self.assertEqual(ids, [CHARACTERS.index(character) for character in text])
        self.assertEqual(tokenizer.decode(ids, clean_up_tokenization_spaces=False), text)
        self.assertEqual(tokenizer.encode("犬"), [0])

    def test_existing_files_stay_without_force(self):
        checkpoint = make_checkpoint(make_state())
        self.out.mkdir()
        (self.out / "config.json").write_text("mine")
        code, errors = self.convert(checkpoint)
        self.assertEqual(code, 2)
        self.assertIn("--force", errors)
        self.assertEqual([path.read_text() for path in self.out.iterdir()], ["mine"])
        (self.out / "README.md").write_text("mine too")
        self.assertEqual(self.convert(checkpoint, "--force")[0], 0)
        self.assertEqual((self.out / "README.md").read_text(), "mine too")

    def test_an_error_while_writing_leaves_nothing(self):
        def disk_is_full(*_, **__):
            raise OSError(28, "No space left on device")

        with unittest.mock.patch("model_folder.save", disk_is_full):
            code, errors = self.convert(make_checkpoint(make_state()))
        self.assertEqual(code, 1, errors)
        self.assertIn("No space left", errors)
        self.assertFalse(self.out.exists())

    def test_the_command_line(self):
        command = [sys.executable, str(SCRIPT), str(self.folder / "none.pt"), "--out", str(self.out), "--heads", "3"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 2)
        self.assertIn("error: cannot read", done.stderr)
        self.assertNotIn("Traceback", done.stderr)

    # --- What is refused ---

    def test_missing_file(self):
        self.assert_refused(None, "cannot read")

    def test_not_a_checkpoint(self):
        (self.folder / "checkpoint.pt").write_bytes(b"not a checkpoint")
        self.assert_refused(None, "cannot be loaded")

    def test_truncated_checkpoint(self):
        path = self.folder / "checkpoint.pt"
        torch.save(make_checkpoint(make_state()), path)
        path.write_bytes(path.read_bytes()[:5000])
        self.assert_refused(None, "cannot be loaded")

    def test_objects_are_not_loaded(self):
        checkpoint = make_checkpoint(make_state()) | {"config": Path("x")}
        self.assert_refused(checkpoint, "cannot be loaded", "save only")

    def test_not_a_dict(self):
        self.assert_refused([1, 2], "expected a dict")

    def test_missing_table(self):
        checkpoint = make_checkpoint(make_state())
        del checkpoint["itos"]
        self.assert_refused(checkpoint, "lacks itos")

    def test_missing_keys(self):
        for name in ("tok_emb.weight", "pos_emb.weight", "blocks.0.mlp.c_fc.weight", "blocks.1.ln2.weight"):
            state = make_state()
            del state[name]
            with self.subTest(name):
                self.assert_refused(make_checkpoint(state), "lacks", name)

    def test_missing_block(self):
        state = {name: tensor for name, tensor in make_state().items()}
        state |= {name.replace("blocks.1.", "blocks.5."): tensor for name, tensor in state.items()}
        self.assert_refused(make_checkpoint(state), "blocks up to 5", "2, 3, 4")

    def test_unexpected_keys(self):
        for name in ("blocks.0.attn.rope.weight", "value_head.weight"):
            with self.subTest(name):
                self.assert_refused(make_checkpoint(make_state() | {name: torch.ones(2)}), "GPT-2 does not have", name)

    def test_head_bias(self):
        state = make_state() | {"lm_head.bias": torch.ones(len(CHARACTERS))}
        self.assert_refused(make_checkpoint(state), "lm_head.bias")

    def test_shapes_that_disagree(self):
        shapes = {
            "pos_emb.weight": (CONTEXT, HIDDEN + 1),
            "blocks.0.attn.c_attn.weight": (HIDDEN, 3 * HIDDEN),
            "blocks.1.mlp.c_proj.bias": (HIDDEN + 1,),
            "blocks.1.ln1.weight": (HIDDEN, 1),
            "tok_emb.weight": (HIDDEN,),
            "lm_head.weight": (len(CHARACTERS) + 1, HIDDEN),
        }
        for name, shape in shapes.items():
            with self.subTest(name):
                state = make_state() | {name: torch.ones(shape)}
                self.assert_refused(make_checkpoint(state), name, str(list(shape)))

    def test_values_that_are_not_finite(self):
        state = make_state()
        state["ln_f.weight"][3] = torch.nan
        self.assert_refused(make_checkpoint(state), "ln_f.weight", "not finite")

    def test_values_beyond_the_dtype(self):
        state = make_state()
        state["ln_f.weight"][3] = 1e5
        self.assert_refused(make_checkpoint(state), "ln_f.weight", "f16", flags=("--dtype", "f16"))

    def test_integer_weights(self):
        state = make_state() | {"ln_f.weight": torch.ones(HIDDEN, dtype=torch.int64)}
        self.assert_refused(make_checkpoint(state), "ln_f.weight", "int64")

    def test_heads(self):
        self.assert_refused(make_checkpoint(make_state()), "24", "--heads 5", heads=5)
        self.assertEqual(self.convert(make_checkpoint(make_state()), heads=0)[0], 2)

    def test_tables_that_disagree(self):
        good = make_checkpoint(make_state())
        stoi, itos = good["stoi"], good["itos"]
        last = len(CHARACTERS) - 1
        fewer = {index: token for index, token in itos.items() if index != 4}
        broken = {
            "swapped": (stoi, itos | {3: itos[4], 4: itos[3]}),
            "itos has a hole": (stoi, fewer),
            "both have a hole": ({token: index for token, index in stoi.items() if index != 4}, fewer),
            "stoi maps two to one": (stoi | {"犬": 3}, itos),
            "itos maps two to one": (stoi, itos | {last + 1: itos[3]}),
            "one id too many": (stoi | {"犬": last + 1}, itos | {last + 1: "犬"}),
            "ids are text": (stoi, {str(index): token for index, token in itos.items()}),
            "not a table": (stoi, 3),
        }
        for name, (stoi, itos) in broken.items():
            with self.subTest(name):
                says = "have no character: 4" if name == "both have a hole" else "itos"
                self.assert_refused(good | {"stoi": stoi, "itos": itos}, says)


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    unittest.main()
