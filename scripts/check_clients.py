"""Asks a server that serves soseki-mini by the clients of others. scripts/check_clients.sh runs it.

usage: check_clients.py ADDRESS PROGRAM FOLDER
"""

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request

ADDRESS, PROGRAM, FOLDER = sys.argv[1:]
MODEL = "soseki-mini"
PROMPT = "吾輩は"


def check(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: found {got!r}, expected {want!r}")


def with_openai():
    import openai

    settings = {"model": MODEL, "prompt": PROMPT, "max_tokens": 6, "seed": 7}
    client = openai.OpenAI(base_url=f"{ADDRESS}/v1", api_key="none", max_retries=0)
    check("models", [model.id for model in client.models.list()], [MODEL])
    whole = client.completions.create(**settings, logprobs=2, echo=True)
    choice = whole.choices[0]
    check("usage", (whole.usage.prompt_tokens, whole.usage.completion_tokens), (3, 6))
    check("scores", len(choice.logprobs.token_logprobs), 9)
    check("the first score", choice.logprobs.token_logprobs[0], None)
    text = choice.text.removeprefix(PROMPT)
    stream = client.completions.create(**settings, stream=True, stream_options={"include_usage": True})
    chunks = list(stream)
    check("stream", "".join(c.text for chunk in chunks for c in chunk.choices), text)
    check("usage of the stream", chunks[-1].usage.total_tokens, 9)
    try:
        client.completions.create(**{**settings, "max_tokens": 9999})
    except openai.BadRequestError as error:
        check("error", (error.param, error.code), ("max_tokens", "context_length_exceeded"))
    else:
        raise SystemExit("a text that does not fit was not refused")
    try:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "猫"}])
    except openai.BadRequestError as error:
        check("error", error.param, "messages")
    else:
        raise SystemExit("a model without a template answered a conversation")

    async def together():
        asynchronous = openai.AsyncOpenAI(base_url=f"{ADDRESS}/v1", api_key="none", max_retries=0)

        async def streamed():
            parts = await asynchronous.completions.create(**settings, stream=True)
            return "".join([choice.text async for part in parts for choice in part.choices])

        answers = [asynchronous.completions.create(**settings) for _ in range(4)]
        texts = await asyncio.gather(*answers, *[streamed() for _ in range(4)])
        return {text if isinstance(text, str) else text.choices[0].text for text in texts}

    check("asynchronous", asyncio.run(together()), {text})


ROWS = [
    ("吾輩は", ["猫", "犬", "山"], 0),
    ("先生は", ["私", "猫である", "東京"], 0),
    ("山路を登りながら", ["考えた", "笑った"], 0),
    ("名前はまだ", ["無い", "有る", "知らぬ"], 0),
]


def with_lm_eval():
    """Scores continuations, and compares the sums with those of `sukashi score`, as floats."""
    import lm_eval
    from lm_eval.tasks import TaskManager

    tasks = os.path.join(FOLDER, "tasks")
    os.mkdir(tasks)
    rows = os.path.join(tasks, "rows.jsonl")
    with open(rows, "w") as file:
        for text, choices, label in ROWS:
            file.write(json.dumps({"text": text, "choices": choices, "label": label}) + "\n")
    with open(os.path.join(tasks, "task.yaml"), "w") as file:
        file.write(
            "task: soseki\n"
            "dataset_path: json\n"
            f"dataset_kwargs: {{data_files: {{test: {rows}}}}}\n"
            "test_split: test\n"
            "output_type: multiple_choice\n"
            'doc_to_text: "{{text}}"\n'
            'doc_to_choice: "{{choices}}"\n'
            "doc_to_target: label\n"
            'target_delimiter: ""\n'
            "metric_list: [{metric: acc}]\n"
        )
    arguments = {
        "model": MODEL,
        "base_url": f"{ADDRESS}/v1/completions",
        # The server's own, by /tokenizer_info and /tokenize.
        "tokenizer_backend": "remote",
        "num_concurrent": 4,
        "max_length": 64,
        "max_retries": 1,
    }
    results = lm_eval.simple_evaluate(
        model="local-completions",
        model_args=arguments,
        tasks=["soseki"],
        task_manager=TaskManager(include_path=tasks, include_defaults=False),
        log_samples=True,
        bootstrap_iters=0,
        batch_size=2,
    )
    samples = results["samples"]["soseki"]
    check("samples", len(samples), len(ROWS))
    right = 0
    for sample in samples:
        doc = sample["doc"]
        found = [response[0] for response in sample["resps"]]
        wanted = [score(doc["text"], choice) for choice in doc["choices"]]
        # A sum, and whether every token is the most probable one.
        check(f"scores after {doc['text']}", [tuple(map(float_or_bool, pair)) for pair in found], wanted)
        sums = [total for total, _ in wanted]
        right += sums.index(max(sums)) == doc["label"]
    check("acc", results["results"]["soseki"]["acc,none"], right / len(ROWS))


def float_or_bool(value):
    return {"True": True, "False": False}.get(str(value), None) if str(value) in ("True", "False") else float(value)


def score(text, continuation):
    """The sum and the greediness of a continuation, by `sukashi score`."""
    command = [PROGRAM, "score", text + continuation, "--device", "cpu", "--format", "json"]
    record = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    # A token of soseki-mini is a character.
    tokens = record["tokens"][len(text) :]
    return (
        sum(token["prediction"]["log_prob"] for token in tokens),
        all(token["prediction"]["rank"] == 1 for token in tokens),
    )


def with_schemathesis():
    """Random requests by the description of the API: no answer is a fault or none of those that are described."""
    # Whether a text has only characters that the model knows, or fits into its context, no schema can say: such
    # requests are valid and refused.
    config = os.path.join(FOLDER, "schemathesis.toml")
    with open(config, "w") as file:
        file.write(
            "[checks.positive_data_acceptance]\n"
            'expected-statuses = ["2xx", "400", "404", "503"]\n'
        )
    command = ["schemathesis", "--config-file", config, "run", f"{ADDRESS}/openapi.json", "--max-examples", "15"]
    command += ["--phases", "examples,coverage,fuzzing", "--seed", "1", "--workers", "2", "--suppress-health-check", "all"]
    command += ["--generation-database", "none", "--request-timeout", "60", "--no-color"]
    ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
    if ran.returncode != 0:
        raise SystemExit(ran.stdout[-12000:] + ran.stderr[-4000:])
    print(*ran.stdout.strip().splitlines()[-12:], sep="\n", file=sys.stderr)


def wait():
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{ADDRESS}/health", timeout=10)
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not become ready")


def main():
    wait()
    for name, run in [("openai", with_openai), ("lm-eval", with_lm_eval), ("schemathesis", with_schemathesis)]:
        started = time.monotonic()
        run()
        print(f"check_clients: {name}: ok, {time.monotonic() - started:.0f} s", file=sys.stderr)


main()
