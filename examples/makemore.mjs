// A character-level GPT whose checkpoint has names of its own (toolness/makemore-fun): a module tree in the library's
// parts, and a mapping by pattern from its names to the checkpoint's. It writes some Shakespeare.
// Run it with `node examples/makemore.mjs [FILE.safetensors]`.

import { readFile } from "node:fs/promises";
import {
  add,
  arange,
  categorical,
  concat,
  crossEntropy,
  Gpu,
  noGrad,
  relu,
  reshape,
  scaledDotProductAttention,
  slice,
  softmax,
  tensor,
  tidy,
} from "graft-gpu";
import { SafetensorsFile } from "graft-gpu/io";
import { loadInto, mapNames } from "graft-gpu/models";
import { Embedding, LayerNorm, Linear, Module } from "graft-gpu/nn";
import { openFile } from "graft-gpu/node";

const path = process.argv[2] ?? "test/fixtures/models/makemore-tinyshakespeare/default-tiny-shakespeare.safetensors";
const [vocabulary, context, width, headCount] = [65, 8, 32, 4];
const gpu = await Gpu.open();

class Head extends Module {
  key = new Linear(gpu, width, width / headCount, { bias: false });
  query = new Linear(gpu, width, width / headCount, { bias: false });
  value = new Linear(gpu, width, width / headCount, { bias: false });

  forward(x) {
    const [q, k, v] = [this.query, this.key, this.value].map((layer) => {
      const y = layer.forward(x); // [B, T, head width]
      return reshape(y, [y.shape[0], 1, y.shape[1], y.shape[2]]);
    });
    const y = scaledDotProductAttention(q, k, v, { causal: true });
    return reshape(y, [y.shape[0], y.shape[2], y.shape[3]]);
  }
}

class Block extends Module {
  heads = Array.from({ length: headCount }, () => new Head());
  projection = new Linear(gpu, width, width);
  norm1 = new LayerNorm(gpu, width);
  norm2 = new LayerNorm(gpu, width);
  up = new Linear(gpu, width, 4 * width);
  down = new Linear(gpu, 4 * width, width);

  forward(x) {
    const h = this.norm1.forward(x);
    const y = add(
      x,
      this.projection.forward(
        concat(
          this.heads.map((head) => head.forward(h)),
          -1,
        ),
      ),
    );
    return add(y, this.down.forward(relu(this.up.forward(this.norm2.forward(y)))));
  }
}

class CharacterModel extends Module {
  tokens = new Embedding(gpu, vocabulary, width);
  positions = new Embedding(gpu, context, width);
  blocks = [new Block()];
  norm = new LayerNorm(gpu, width);
  head = new Linear(gpu, width, vocabulary);

  /** Ids [B, T] to scores [B, T, vocabulary]. */
  forward(ids) {
    const places = arange(0, ids.shape[1], 1, { dtype: "i32" });
    let x = add(this.tokens.forward(ids), this.positions.forward(places));
    for (const block of this.blocks) x = block.forward(x);
    return this.head.forward(this.norm.forward(x));
  }
}

const model = new CharacterModel();
await loadInto(model, path, {
  names: mapNames([
    ["tokens.weight", "token_embedding_table.weight"],
    ["positions.weight", "position_embedding_table.weight"],
    ["blocks.*.heads.*.**", "block*.sa_heads.head_*.**"],
    ["blocks.*.projection.*", "block*.sa_heads.proj.*"],
    ["blocks.*.norm*.*", "block*.layer_norm*.*"],
    ["blocks.*.up.*", "block*.feed_forward.ff.*"],
    ["blocks.*.down.*", "block*.feed_forward.proj.*"],
    ["norm.*", "layer_norm.*"],
    ["head.*", "language_head.*"],
  ]),
  ignores: (name) => name.startsWith("BUFFER."),
});

const file = await SafetensorsFile.open(await openFile(path));
const characters = Array.from(await file.readArray("BUFFER.tokenizer_vocabulary"), (code) =>
  String.fromCodePoint(code),
);
await file.close();

/** Mean loss in nats on the first 512 windows of a text. */
async function lossOn(text) {
  const ids = Array.from(text.slice(0, 512 * (context + 1)), (character) => characters.indexOf(character));
  const windows = Array.from({ length: 512 }, (_, i) => ids.slice(i * (context + 1), (i + 1) * (context + 1)));
  const inputs = tensor(
    windows.map((window) => window.slice(0, -1)),
    undefined,
    { dtype: "i32" },
  );
  const targets = tensor(
    windows.flatMap((window) => window.slice(1)),
    undefined,
    { dtype: "i32" },
  );
  const loss = noGrad(() => tidy(() => crossEntropy(reshape(model.forward(inputs), [-1, vocabulary]), targets)));
  return loss.item();
}
const shakespeare = await readFile("test/fixtures/tinyshakespeare/valid.txt", "utf8");
console.log(`loss ${(await lossOn(shakespeare)).toFixed(3)} a character`);

const ids = [...Array.from("ROMEO:", (character) => characters.indexOf(character))];
for (let i = 0; i < 200; i++) {
  const next = noGrad(() =>
    tidy(() => {
      const window = Int32Array.from(ids.slice(-context));
      const scores = model.forward(tensor(window, [1, window.length]));
      return categorical(softmax(slice(scores, 1, window.length - 1, window.length)), { seed: i });
    }),
  );
  ids.push(await next.item());
  next.dispose();
}
console.log(ids.map((id) => characters[id]).join(""));
model.dispose();
gpu.close();
