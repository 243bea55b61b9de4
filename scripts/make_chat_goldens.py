#!/usr/bin/env python3
"""Writes or checks tests/goldens/chat/*.json: Jinja's output for each template there.

    make_chat_goldens.py            writes them
    make_chat_goldens.py --check    writes nothing; renders everything again and compares

A golden is rendered by jinja2 in the environment that transformers gives chat templates: sandboxed, with trim_blocks,
lstrip_blocks, loop controls, its own tojson, raise_exception, strftime_now and the tag generation. The time is fixed
at NOW. If transformers is installed, its rendering must be the same.

The templates are shortened forms of the models' published ones. methods.jinja tests methods that other templates use.

Needs Python 3.10 or later and jinja2 (3.1.6 made the committed files).
"""

import argparse
import json
import sys
from datetime import datetime
from pathlib import Path

import jinja2
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "goldens" / "chat"
NOW = datetime(2025, 3, 9, 7, 5, 3)


def user(content):
    return {"role": "user", "content": content}


def assistant(content):
    return {"role": "assistant", "content": content}


def system(content):
    return {"role": "system", "content": content}


def part(text):
    return {"type": "text", "text": text}


HELLO = [user("Hello! ")]
JAPANESE = [system("あなたは親切です。"), user("猫の名前は？")]
LONG = [
    system("Be <brief> & \"kind\"."),
    user("  one\nline  "),
    assistant(" It's 1 \n"),
    user("two {{ not_a_tag }}"),
    assistant("二"),
    user("{% if %} <|im_end|>"),
]
THOUGHT = [user("1+1?"), assistant("<think>\nadd\n</think>\n\n2"), user("2+2?")]
ANSWERED = [user("1+1?"), assistant("<think>\nadd\n</think>\n\n2")]
PARTS = [system([part("Speak softly.")]), user([part(" one "), part("two")]), assistant([part("three")]), user("four")]
TWO_USERS = [user("one"), user("two")]
BEGINS_WITH_ANSWER = [assistant("one"), user("two")]
UNKNOWN_ROLE = [user("one"), {"role": "poet", "content": "two"}]

GEMMA = {"bos_token": "<bos>", "eos_token": "<eos>", "unk_token": "<unk>", "pad_token": "<pad>"}
LLAMA = {"bos_token": "<|begin_of_text|>", "eos_token": "<|eot_id|>"}
QWEN = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
MISTRAL = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}

PLAIN = [HELLO, JAPANESE, LONG]

# For each template: its special tokens, the conversations, and its own variables.
CASES = {
    "gemma3": (GEMMA, [*PLAIN, PARTS, TWO_USERS, BEGINS_WITH_ANSWER], {}),
    "llama3": (LLAMA, [*PLAIN, TWO_USERS, UNKNOWN_ROLE], {}),
    "qwen2.5": (QWEN, [*PLAIN, TWO_USERS, UNKNOWN_ROLE], {}),
    "qwen3": (QWEN, [*PLAIN, THOUGHT, ANSWERED, TWO_USERS], {"enable_thinking": False}),
    "mistral": (MISTRAL, [*PLAIN, TWO_USERS, BEGINS_WITH_ANSWER, UNKNOWN_ROLE], {}),
    "chatml": (QWEN, [*PLAIN, UNKNOWN_ROLE], {}),
    "methods": ({}, [[system(" Hello, world! "), user("one"), assistant("two"), user("three")]], {}),
}


class Generation(Extension):
    """The tag that marks an assistant's messages for training. It does not change the text."""

    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_same"), [], [], body).set_lineno(line)

    def _same(self, caller):
        return caller()


def environment():
    """Returns the environment as transformers sets it up."""

    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(
            value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
        )

    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[Generation, loopcontrols]
    )
    made.filters["tojson"] = tojson
    made.globals["raise_exception"] = raise_exception
    made.globals["strftime_now"] = NOW.strftime
    return made


def render_with_transformers(source, variables):
    """Renders with transformers, or returns None if it is not installed."""
    try:
        from transformers.utils import chat_template_utils
    except ImportError:
        return None

    class Clock(datetime):
        @classmethod
        def now(cls, tz=None):
            return NOW

    chat_template_utils.datetime = Clock
    variables = dict(variables)
    texts, _ = chat_template_utils.render_jinja_template(
        conversations=[variables.pop("messages")], chat_template=source, **variables
    )
    return texts[0]


def outcome(source, variables):
    """Returns the text, or the message with which the template rejects the conversation."""
    try:
        text = environment().from_string(source).render(tools=None, documents=None, **variables)
    except jinja2.exceptions.TemplateError as error:
        return {"refused": str(error)}
    theirs = render_with_transformers(source, variables)
    if theirs not in (None, text):
        sys.exit(f"transformers renders something else:\n{theirs}\n--- and not\n{text}")
    return {"text": text}


def golden(name):
    special_tokens, conversations, own = CASES[name]
    source = (FOLDER / f"{name}.jinja").read_text(encoding="utf-8")
    cases = []
    for messages in conversations:
        for add_generation_prompt in (True, False):
            for variables in [{}, own] if own and add_generation_prompt else [{}]:
                case = {"messages": messages, "add_generation_prompt": add_generation_prompt}
                result = outcome(source, {**special_tokens, **variables, **case})
                cases.append({**case, "variables": variables, **result})
    return {"special_tokens": special_tokens, "now": NOW.isoformat(), "cases": cases}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare with the files instead of writing them")
    check = parser.parse_args().check
    differing = []
    for name in CASES:
        path = FOLDER / f"{name}.json"
        text = json.dumps(golden(name), ensure_ascii=False, indent=1) + "\n"
        if not check:
            path.write_text(text, encoding="utf-8")
        elif not path.exists() or path.read_text(encoding="utf-8") != text:
            differing.append(path.name)
    if differing:
        sys.exit(f"differ: {', '.join(differing)}; make_chat_goldens.py without --check writes them again")


if __name__ == "__main__":
    main()
