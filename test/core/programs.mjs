// Programs of `graft-gpu/core` alone, as a page has them: each trains a model from parts and gives the losses of its steps.

const STEPS = 40;

/** Steps of an optimizer on what `lossOf` gives; the losses before each. */
async function train({ AdamW, backward, tidy }, model, learningRate, lossOf) {
  const parameters = model.namedParameters();
  const optimizer = new AdamW([{ name: "all", parameters, learningRate, weightDecay: 0.01 }]);
  const losses = [];
  for (let step = 0; step < STEPS; step++) {
    const loss = tidy(() => {
      const value = lossOf(step);
      optimizer.step(backward(value), { clip: 1 });
      return value;
    });
    losses.push(await loss.item());
    loss.dispose();
  }
  optimizer.dispose();
  return losses;
}

/** A perceptron tells whether both coordinates have one sign. Gives the share of points it is right about as well. */
export async function trainPerceptron(core, gpu) {
  const { argmax, crossEntropy, Linear, Module, tensor, tidy } = core;
  class Perceptron extends Module {
    first = new Linear(gpu, 2, 32);
    second = new Linear(gpu, 32, 2);
    constructor() {
      super();
      this.first.initialize(1);
      this.second.initialize(2);
    }
    forward(x) {
      return this.second.forward(this.first.forwardWith(x, { activation: "relu" }));
    }
  }
  const places = Array.from({ length: 64 }, (_, i) => [((i * 37) % 64) / 32 - 1, ((i * 23) % 64) / 32 - 1]);
  const kinds = Int32Array.from(places, ([x, y]) => (x * y > 0 ? 1 : 0));
  const [x, labels] = [tensor(places, undefined, { gpu }), tensor(kinds, undefined, { gpu })];
  const model = new Perceptron();
  const losses = await train(core, model, 0.05, () => crossEntropy(model.forward(x), labels));
  const guesses = tidy(() => argmax(model.forward(x), 1));
  const right = (await guesses.data()).filter((guess, i) => guess === kinds[i]).length / kinds.length;
  for (const held of [guesses, x, labels, model]) held.dispose();
  return { losses, right };
}

/** A transformer of one block, its attention made of products and a softmax, learns to repeat what came three tokens before. */
export async function trainTransformer(core, gpu) {
  const { add, arange, crossEntropy, Dropout, Embedding, LayerNorm, Linear, Module, TrainingPass } = core;
  const { fillWith, initializeUniform, matmul, permute, reshape, slice, softmax, tensor, where } = core;
  const [vocabulary, length, width, heads] = [8, 12, 16, 2];
  class Block extends Module {
    norm1 = new LayerNorm(gpu, width);
    qkv = new Linear(gpu, width, 3 * width);
    out = new Linear(gpu, width, width);
    dropout = new Dropout(0.1);
    norm2 = new LayerNorm(gpu, width);
    up = new Linear(gpu, width, 4 * width);
    down = new Linear(gpu, 4 * width, width);
    forward(x, visible, pass) {
      const split = reshape(this.qkv.forward(this.norm1.forward(x)), [-1, length, 3, heads, width / heads]);
      const [q, k, v] = [0, 1, 2].map((i) => {
        const part = reshape(slice(split, 2, i, i + 1), [-1, length, heads, width / heads]);
        return permute(part, [0, 2, 1, 3]);
      });
      const scores = matmul(q, permute(k, [0, 1, 3, 2]), 1 / Math.sqrt(width / heads));
      const mixed = matmul(softmax(where(visible, scores, -1e9)), v);
      const joined = reshape(permute(mixed, [0, 2, 1, 3]), [-1, length, width]);
      const y = add(x, this.dropout.forward(this.out.forward(joined), pass));
      const hidden = this.up.forwardWith(this.norm2.forward(y), { activation: "gelu-tanh" });
      return this.down.forwardWith(hidden, { residual: y });
    }
  }
  class Transformer extends Module {
    tokens = new Embedding(gpu, vocabulary, width);
    places = new Embedding(gpu, length, width);
    block = new Block();
    norm = new LayerNorm(gpu, width);
    head = new Linear(gpu, width, vocabulary);
    forward(ids, places, visible, pass) {
      const x = add(this.tokens.forward(ids), this.places.forward(places));
      return this.head.forward(this.norm.forward(this.block.forward(x, visible, pass)));
    }
  }
  const model = new Transformer();
  [...model.namedModules().values()].forEach((module, i) => {
    if (module instanceof Embedding) initializeUniform(1, module.weight, undefined, 100 + i);
    else if (module.initialize) module.initialize(i);
  });
  fillWith(model.head.bias, 0);
  const rows = Array.from({ length: 8 }, (_, row) =>
    Array.from({ length: length + 1 }, (_, i) => (row + (i % 3) * 3) % 8),
  );
  const ids = tensor(
    rows.map((row) => row.slice(0, -1)),
    undefined,
    { gpu, dtype: "i32" },
  );
  const labels = tensor(
    rows.flatMap((row) => row.slice(1)),
    undefined,
    { gpu, dtype: "i32" },
  );
  const places = arange(0, length, 1, { gpu, dtype: "i32" });
  const triangle = Array.from({ length }, (_, i) => Array.from({ length }, (_, j) => j <= i));
  const visible = tensor(triangle, undefined, { gpu, dtype: "bool" });
  const losses = await train(core, model, 0.02, (step) => {
    const scores = model.forward(ids, places, visible, new TrainingPass(step));
    return crossEntropy(reshape(scores, [-1, vocabulary]), labels);
  });
  for (const held of [ids, labels, places, visible, model]) held.dispose();
  return { losses };
}
