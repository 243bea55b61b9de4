#!/usr/bin/env python3
"""Tests train_soseki_mini.py with a tiny model: the loss falls, transformers loads the folder, and a run can be resumed.

    python3 scripts/test_train_soseki_mini.py

Needs torch, transformers, numpy and safetensors.
"""

import contextlib
import io
import json
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch.nn import functional as F
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast, logging

import train_soseki_mini
from model_folder import character_tokenizer, exit_code_of

ASSET = Path(__file__).resolve().parent.parent / "assets" / "soseki-mini"
VERSE = "いろはにほへと　ちりぬるを\nわかよたれそ　つねならむ\nうゐのおくやま　けふこえて\nあさきゆめみし　ゑひもせす\n"
TEXT = VERSE * 20 + "京"  # 京 occurs once
SMALL = "--layers 1 --heads 2 --width 16 --context 16 --batch 4 --steps 60 --warmup 5 --lr 1e-2 --eval-every 20"
SMALL = [*SMALL.split(), "--held-out-length", "100", "--threads", "1", "--device", "cpu"]


class TrainSosekiMini(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = Path(temporary.name)
        self.text = self.folder / "text.txt"
        self.text.write_text(TEXT, encoding="utf-8")
        self.out = self.folder / "out"

    def run_script(self, *arguments):
        """Returns (exit code, standard output, standard error)."""
        output, errors = io.StringIO(), io.StringIO()
        with unittest.mock.patch.object(sys, "argv", ["train_soseki_mini.py", "--text", str(self.text), *arguments]):
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
                try:
                    code = exit_code_of(train_soseki_mini.main)
                except SystemExit as argparse_refused:
                    code = argparse_refused.code
        return code, output.getvalue(), errors.getvalue()

    def train(self, *arguments, out=None):
        code, output, errors = self.run_script("--out", str(out or self.out), *SMALL, *arguments)
        self.assertEqual(code, 0, errors)
        return output

    def assert_refused(self, *arguments, says):
        code, _, errors = self.run_script("--out", str(self.out), *SMALL, *arguments)
        self.assertEqual(code, 2, errors)
        self.assertIn(says, errors)
        self.assertFalse(self.out.exists(), "something was written")

    def test_training_and_evaluation(self):
        output = self.train()
        losses = [float(line.split()[3]) for line in output.splitlines() if line.startswith("step")]
        self.assertEqual(len(losses), 3)
        self.assertLess(losses[2], losses[0] - 0.5)

        code, evaluated, errors = self.run_script(
            "--evaluate", str(self.out), "--held-out-length", "100", "--threads", "1", "--device", "cpu"
        )
        self.assertEqual(code, 0, errors)
        self.assertEqual(evaluated.splitlines()[-1], output.splitlines()[-1])

        # The same loss from transformers: windows of 16 over 99 predictions.
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(self.out / "tokenizer.json"))
        model = GPT2LMHeadModel.from_pretrained(self.out, dtype=torch.float64).eval()
        start = int(len(TEXT) * 0.3)
        ids = torch.tensor(tokenizer.encode(TEXT[start : start + 100]))
        with torch.no_grad():
            total = sum(
                F.cross_entropy(model(inputs[None]).logits[0], targets, reduction="sum")
                for inputs, targets in zip(ids[:-1].split(16), ids[1:].split(16))
            )
        self.assertAlmostEqual(total.item() / 99, float(evaluated.split("held-out ")[1].split()[0]), places=3)

    def test_files(self):
        self.train()
        names = sorted(path.name for path in self.out.iterdir())
        self.assertEqual(names, ["config.json", "model.safetensors", "tokenizer.json"])
        vocab = json.loads((self.out / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"]
        self.assertEqual(vocab["<unk>"], 0)
        self.assertNotIn("京", vocab)
        self.assertEqual(len(vocab), len(set(TEXT)))  # one character less, <unk> more
        tensors = load_file(self.out / "model.safetensors")
        self.assertEqual({tensor.dtype for tensor in tensors.values()}, {torch.float16})
        self.assertEqual(list(tensors["h.0.attn.c_attn.weight"].shape), [16, 48])

    def test_same_form_as_the_asset(self):
        asset = (ASSET / "tokenizer.json").read_text(encoding="utf-8")
        tokenizer = character_tokenizer(json.loads(asset)["model"]["vocab"])
        self.assertEqual(json.dumps(tokenizer, indent=2, ensure_ascii=False), asset)
        self.train()
        written, asset = (json.loads((folder / "config.json").read_text()) for folder in (self.out, ASSET))
        self.assertEqual(list(written), list(asset))
        sizes = {"vocab_size", "n_positions", "n_ctx", "n_embd", "n_layer", "n_head"}
        self.assertEqual({key for key in asset if written[key] != asset[key]}, sizes)

    def test_the_held_out_slice_is_not_trained_on(self):
        starts = train_soseki_mini.window_starts(100, (30, 50), 9)
        seen = {position for start in starts.tolist() for position in range(start, start + 10)}
        self.assertEqual(seen, {*range(30), *range(50, 100)})
        nothing_held_out = train_soseki_mini.window_starts(100, (30, 30), 9)
        self.assertEqual(nothing_held_out.tolist(), list(range(91)))

    def test_resumed_run_equals_one_that_was_not_interrupted(self):
        whole, state = self.train(), self.folder / "state"
        save = train_soseki_mini.TrainingState.save

        def save_and_stop(self, step):
            save(self, step)
            raise KeyboardInterrupt

        with unittest.mock.patch.object(train_soseki_mini.TrainingState, "save", save_and_stop):
            code, _, _ = self.run_script("--out", str(self.folder / "b"), *SMALL, "--state", str(state))
        self.assertEqual(code, 130)
        self.assertFalse((self.folder / "b").exists())
        rest = self.train("--state", str(state), "--resume", out=self.folder / "b")
        self.assertIn("step    40/60", rest)
        self.assertNotIn("step    20/60", rest)
        self.assertIn("step    20/60", whole)
        for name, tensor in load_file(self.out / "model.safetensors").items():
            self.assertTrue(torch.equal(tensor, load_file(self.folder / "b" / "model.safetensors")[name]), name)

        self.out = self.folder / "c"
        self.assert_refused("--state", str(state), "--resume", "--lr", "0.02", says="lr = 0.01, this run has 0.02")
        state.write_bytes(b"nothing")
        self.assert_refused("--state", str(state), "--resume", says="not a training state")
        self.assert_refused("--state", str(self.folder / "none"), "--resume", says="cannot resume")

    def test_existing_files_stay_without_force(self):
        self.out.mkdir()
        (self.out / "config.json").write_text("mine")
        code, _, errors = self.run_script("--out", str(self.out), *SMALL)
        self.assertEqual(code, 2)
        self.assertIn("--force", errors)
        self.assertEqual([path.read_text() for path in self.out.iterdir()], ["mine"])
        self.train("--force")

    def test_bad_input(self):
        self.assert_refused("--width", "15", says="not a multiple of --heads 2")
        self.assert_refused("--warmup", "60", says="must be below --steps")
        self.assert_refused("--held-out-start", "0.99", says="the held-out slice ends at")
        self.assert_refused("--context", "5000", says="no 5001 characters in a row")
        self.assert_refused("--min-count", "100000", says="lower --min-count")
        self.assert_refused("--steps", "0", says="--steps")
        self.assert_refused("--lr", "nan", says="--lr")
        self.assert_refused("--dropout", "1", says="--dropout")
        self.assert_refused("--resume", says="--state")
        self.text.write_bytes(b"ab\xff")
        self.assert_refused(says="not UTF-8: byte 2 is 0xff")
        self.text.write_bytes(b"")
        self.assert_refused(says="is empty")
        self.text.unlink()
        self.assert_refused(says="cannot read the text")

    def test_folders_that_cannot_be_evaluated(self):
        self.train()
        config_path = self.out / "config.json"
        config = json.loads(config_path.read_text())
        broken = {"n_head": 3, "n_embd": 32, "n_layer": 2, "vocab_size": 7, "activation_function": "swish"}
        for key, value in broken.items():
            with self.subTest(key):
                config_path.write_text(json.dumps(config | {key: value}))
                code, _, errors = self.run_script("--evaluate", str(self.out), "--held-out-length", "100")
                self.assertEqual(code, 2, errors)
                self.assertTrue(errors.startswith("error: "), errors)
        (self.out / "model.safetensors").write_bytes(b"1234567")
        config_path.write_text(json.dumps(config))
        code, _, errors = self.run_script("--evaluate", str(self.out), "--held-out-length", "100")
        self.assertEqual(code, 2)
        self.assertIn("not a safetensors file", errors)


if __name__ == "__main__":
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    unittest.main()
