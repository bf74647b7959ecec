#!/usr/bin/env python3
"""Greedy answers of llama.cpp, for crates/generate/tests/engine/llama_cpp.rs.

    python3 tests/golden/smollm2_greedy.py SmolLM2-135M-Instruct.Q4_1.gguf

Needs llama_cpp (PyPI llama-cpp-python) and jinja2. For each prompt: the text by the model's own chat
template (rendered by jinja2 as transformers does), its tokens, and 64 tokens of the most probable answer,
without the token that ends it (`output`); one sequence at a time, the prompt in one piece. `flash` is the
most probable token in each place of `output`, computed with flash attention: what llama.cpp itself says
otherwise where two tokens are nearly as probable.
"""
import json
import sys
from pathlib import Path

import jinja2.sandbox
import llama_cpp
import numpy as np

COUNT = 64
PROMPTS = (
    "What is the capital of France?",
    "Write a short poem about the sea.",
    "Explain in two sentences how a bicycle stays upright.",
    "List three fruits and their colours.",
    "Translate to French: The shop opens at nine.",
    "Wie heißt die Hauptstadt von Österreich?",
    "什么是人工智能？",
    "Write a Python function that adds two numbers.",
    "My order #4711 has not arrived. What can I do?",
    "Tell me a story about a cat 🐈 and a robot.",
)
SYSTEM = "You answer the customers of a small shop."


def main():
    model, other = (
        llama_cpp.Llama(sys.argv[1], n_ctx=1024, n_threads=1, n_batch=512, verbose=False, flash_attn=flash)
        for flash in (False, True)
    )
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(model.metadata["tokenizer.chat_template"])
    cases = []
    for i, prompt in enumerate(PROMPTS):
        messages = [{"role": "system", "content": SYSTEM}] if i >= 8 else []
        messages.append({"role": "user", "content": prompt})
        text = template.render(messages=messages, add_generation_prompt=True, bos_token="<|im_start|>", eos_token="<|im_end|>")
        tokens = model.tokenize(text.encode(), add_bos=False, special=True)
        output = greedy(model, tokens)
        case = {"messages": messages, "text": text, "prompt": tokens, "output": output}
        cases.append(case | {"flash": following(other, tokens, output)})
        print(model.detokenize(output).decode(errors="replace"), "\n", file=sys.stderr)
    path = Path(__file__).with_suffix(".json")
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    path.write_text(f'{{"llama_cpp": "{llama_cpp.__version__}", "prompts": [\n{lines}\n]}}\n', encoding="utf-8")


def best(model):
    logits = llama_cpp.llama_get_logits_ith(model.ctx, -1)
    return int(np.ctypeslib.as_array(logits, (model.n_vocab(),)).argmax())


def greedy(model, tokens):
    """The most probable token, and so on; ends before the model's end of a turn."""
    model.reset()
    model.eval(tokens)
    output = []
    while len(output) < COUNT:
        token = best(model)
        if llama_cpp.llama_vocab_is_eog(llama_cpp.llama_model_get_vocab(model.model), token):
            break
        output.append(token)
        model.eval([token])
    return output


def following(model, tokens, output):
    """The most probable token in each place of an answer, after the tokens before it."""
    model.reset()
    model.eval(tokens)
    found = []
    for token in output:
        found.append(best(model))
        model.eval([token])
    return found


if __name__ == "__main__":
    main()
