"""PyTorch on the CPU: no peer, but a yardstick of the machine. Reads questions as lines of JSON, answers likewise."""
import json
import os
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

FOLDER = sys.argv[1]
torch.set_num_threads(os.cpu_count())
current = None


def block(p, x, heads, prefix=""):
    w = lambda name: p[prefix + name]
    batch, length, d = x.shape
    y = F.layer_norm(x, (d,), w("ln_1.weight"), w("ln_1.bias"))
    joint = y @ w("attn.c_attn.weight") + w("attn.c_attn.bias")
    q, k, v = [part.view(batch, length, heads, d // heads).transpose(1, 2) for part in joint.split(d, -1)]
    scores = q @ k.transpose(-1, -2) / (d // heads) ** 0.5
    scores = scores.masked_fill(torch.ones(length, length, dtype=torch.bool).triu(1), float("-inf"))
    attended = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, length, d)
    x = x + attended @ w("attn.c_proj.weight") + w("attn.c_proj.bias")
    inner = F.layer_norm(x, (d,), w("ln_2.weight"), w("ln_2.bias")) @ w("mlp.c_fc.weight") + w("mlp.c_fc.bias")
    return x + F.gelu(inner, approximate="tanh") @ w("mlp.c_proj.weight") + w("mlp.c_proj.bias")


class Operation:
    def __init__(self, row, given):
        self.gradient = given.pop("dy", None)
        self.given = given
        self.backward = row["pass"] == "backward"
        for x in given.values():
            x.requires_grad_(self.backward)
        kind = row["kind"]
        self.apply = {
            "matmul": lambda a, b: a @ b,
            "softmax": lambda x: x.softmax(-1),
            "layer-norm": lambda x, gain, bias: F.layer_norm(x, gain.shape, gain, bias),
            "gelu": lambda x: F.gelu(x, approximate="tanh"),
            "add": lambda a, b: a + b,
            "sum": lambda x: x.sum(),
            "convolution": lambda x, weight: F.conv2d(x, weight, stride=row["stride"], padding=row["padding"]),
            "tiny-adds": lambda a, b: self.chain(a, b, row["count"]),
        }[kind]

    @staticmethod
    def chain(x, b, count):
        for _ in range(count):
            x = x + b
        return x

    def run(self, count, with_forward):
        values = list(self.given.values())
        with torch.set_grad_enabled(self.backward):
            ready = [] if with_forward or not self.backward else [self.apply(*values) for _ in range(count)]
            begin = time.perf_counter()
            for i in range(count):
                if not self.backward:
                    self.last = {"y": self.apply(*values)}
                else:
                    y = self.apply(*values) if with_forward else ready[i]
                    self.last = dict(zip(self.given, torch.autograd.grad(y, values, self.gradient)))
            return (time.perf_counter() - begin) * 1e3

    def read(self):
        return self.last


class Block:
    def __init__(self, row, given):
        self.heads = row["heads"]
        self.x = given.pop("x")
        self.parameters = given
        self.forward = row["pass"] == "forward"
        for p in given.values():
            p.requires_grad_(not self.forward)

    def run(self, count, _):
        begin = time.perf_counter()
        for _ in range(count):
            y = block(self.parameters, self.x, self.heads)
            if self.forward:
                self.last = {"y": y}
            else:
                loss = y.square().mean()
                gradients = torch.autograd.grad(loss, list(self.parameters.values()))
                self.last = {"loss": loss, **dict(zip(self.parameters, gradients))}
        return (time.perf_counter() - begin) * 1e3

    def read(self):
        return self.last


class TrainingStep:
    def __init__(self, row, given):
        self.row = row
        self.ids, self.labels = given.pop("ids").long(), given.pop("labels").long()
        self.p = {name: value.requires_grad_() for name, value in given.items()}
        of = lambda wanted: [p for p in self.p.values() if (p.ndim > 1) == wanted]
        groups = [{"params": of(True), "weight_decay": row["weightDecay"]}, {"params": of(False), "weight_decay": 0}]
        betas = (row["beta1"], row["beta2"])
        self.optimizer = torch.optim.AdamW(groups, lr=row["learningRate"], betas=betas, eps=row["epsilon"])
        self.losses = []

    def run(self, count, _):
        p, row = self.p, self.row
        begin = time.perf_counter()
        for _ in range(count):
            x = F.embedding(self.ids, p["wte.weight"]) + p["wpe.weight"]
            for layer in range(row["layers"]):
                x = block(p, x, row["heads"], f"h.{layer}.")
            x = F.layer_norm(x, (row["width"],), p["ln_f.weight"], p["ln_f.bias"])
            loss = F.cross_entropy((x @ p["wte.weight"].T).view(-1, row["vocabulary"]), self.labels)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.losses.append(loss.item())
        return (time.perf_counter() - begin) * 1e3

    def read(self):
        return {"losses": torch.tensor(self.losses)}


def write(outputs):
    for name, x in outputs.items():
        x.detach().float().contiguous().numpy().tofile(f"{FOLDER}/out.{name}")
    return list(outputs)


def answer(question):
    global current
    request = question["request"]
    if request == "open":
        adapter = f"CPU, {torch.get_num_threads()} threads"
        return {"name": "pytorch (CPU)", "version": torch.__version__, "adapter": adapter, "separatesBackward": True}
    if request == "prepare":
        given = {
            name: torch.from_numpy(np.fromfile(f"{FOLDER}/{name}", dtype=x["type"])).reshape(x["shape"])
            for name, x in question["inputs"].items()
        }
        make = {"block": Block, "training-step": TrainingStep}.get(question["row"]["kind"], Operation)
        current = make(question["row"], given)
        first = current.run(1, False)
        return {"firstMilliseconds": first, "outputs": write(current.read()), "errors": []}
    if request == "run":
        count = question["count"]
        return {"milliseconds": current.run(count, question.get("withForward", False)) / count, "errors": []}
    if request == "losses":
        return {"outputs": write(current.read())}
    if request == "release":
        current = None
    return {}


for line in sys.stdin:
    try:
        print(json.dumps({"result": answer(json.loads(line))}), flush=True)
    except Exception as error:
        print(json.dumps({"failure": f"{type(error).__name__}: {error}"[:200]}), flush=True)
