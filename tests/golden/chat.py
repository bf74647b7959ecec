"""Makes chat.json and chat.safetensors: fine-tuning a tiny random Llama by adapters with PyTorch and PEFT.

Run:  python chat.py            (after decoders.py)
Made with torch 2.15.0, transformers 5.23.0, peft 0.21.2, safetensors 0.8.0, Python 3.11 (CPU, f32).

The model is decoders/llama-tied, with adapters of rank 4 on all linear layers of the blocks. All examples
are one batch, padded on the right; the loss is the mean over the learned tokens of all of them.

chat.json
    examples      [{"ids", "learned"}]: tokens, and whether the model is to learn to say each
    rank, alpha   of the adapters
    losses        of 20 steps of AdamW (learning rate 0.01, betas 0.9 and 0.999, epsilon 1e-8, weight decay
                  0.01), before each step
    pairs         [{"ids", "learned"}]: better and worse answers by turns
    beta          DPO's
    reference     -ln p of the learned tokens of each of them by the model without its adapter
    dpo_losses    of 10 steps of the same AdamW
chat.safetensors, f32, by our names
    init.NAME     what the adapters start from, B as well
    dpo.NAME      gradients of DPO's loss at that start
"""

import json
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import save_file
from transformers import LlamaForCausalLM

HERE = Path(__file__).resolve().parent
RANK, ALPHA, BETA = 4, 8, 0.3
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def examples(generator, lengths):
    made = []
    for length in lengths:
        ids = torch.randint(3, 96, (length,), generator=generator).tolist()
        start = length // 3
        # A turn of the assistant, something else, and another turn.
        learned = [start <= i and not 2 * start <= i < 2 * start + 2 for i in range(length)]
        learned[0] = False
        made.append({"ids": ids, "learned": learned})
    return made


def pairs(generator, count):
    made = []
    for _ in range(count):
        asked = torch.randint(3, 96, (5,), generator=generator).tolist()
        for length in (4, 6):
            answer = torch.randint(3, 96, (length,), generator=generator).tolist()
            made.append({"ids": asked + answer, "learned": [False] * 5 + [True] * length})
    return made


def padded(batch):
    longest = max(len(e["ids"]) for e in batch)
    fill = lambda values, value: values + [value] * (longest - len(values))
    ids = torch.tensor([fill(e["ids"], 0) for e in batch])
    seen = torch.tensor([fill([1] * len(e["ids"]), 0) for e in batch])
    learned = torch.tensor([fill(e["learned"], False) for e in batch])
    return ids, seen, learned


def surprise(model, batch):
    """-ln p of the learned tokens of each example."""
    ids, seen, learned = padded(batch)
    logits = model(input_ids=ids, attention_mask=seen).logits
    logp = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
    return -(logp * learned[:, 1:]).sum(-1)


def dpo(model, batch, reference):
    p = -surprise(model, batch)
    r = -reference
    margin = BETA * ((p[0::2] - r[0::2]) - (p[1::2] - r[1::2]))
    return -torch.nn.functional.logsigmoid(margin).mean()


def adapted(generator):
    base = LlamaForCausalLM.from_pretrained(HERE / "decoders/llama-tied", dtype=torch.float32)
    settings = LoraConfig(r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=TARGETS, task_type="CAUSAL_LM")
    model = get_peft_model(base, settings)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora_" in name:
                value.copy_(0.1 * torch.randn(value.shape, generator=generator))
    return model.train()


def ours(name):
    return name.removeprefix("base_model.model.").replace(".default.", ".")


def parameters(model):
    return {ours(n): p for n, p in model.named_parameters() if p.requires_grad}


def steps(model, count, loss):
    optimizer = torch.optim.AdamW(parameters(model).values(), lr=0.01)
    losses = []
    for _ in range(count):
        optimizer.zero_grad()
        value = loss(model)
        value.backward()
        optimizer.step()
        losses.append(value.item())
    return losses


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(7)
    batch, preferences = examples(generator, [9, 14, 23, 6]), pairs(generator, 3)
    start = torch.Generator().manual_seed(8)
    model = adapted(start)
    init = {name: p.detach().clone() for name, p in parameters(model).items()}
    mean = lambda model: surprise(model, batch).sum() / sum(sum(e["learned"]) for e in batch)
    losses = steps(model, 20, mean)

    model = adapted(torch.Generator().manual_seed(8))
    with torch.no_grad(), model.disable_adapter():
        reference = surprise(model, preferences)
    dpo(model, preferences, reference).backward()
    gradients = {name: p.grad.detach().clone() for name, p in parameters(model).items()}
    model.zero_grad()
    dpo_losses = steps(model, 10, lambda model: dpo(model, preferences, reference))

    text = {
        "examples": batch, "rank": RANK, "alpha": ALPHA, "losses": losses,
        "pairs": preferences, "beta": BETA, "reference": reference.tolist(), "dpo_losses": dpo_losses,
    }
    (HERE / "chat.json").write_text(json.dumps(text) + "\n")
    tensors = {f"init.{n}": t for n, t in init.items()} | {f"dpo.{n}": t for n, t in gradients.items()}
    save_file({name: t.contiguous() for name, t in tensors.items()}, HERE / "chat.safetensors")
    print(losses[0], losses[-1], dpo_losses[0], dpo_losses[-1])


if __name__ == "__main__":
    main()
