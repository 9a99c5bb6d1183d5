// Compares a directory with the real GPT-2 small ("gpt2" on the Hub) with published logits: for five prompts the token
// ids, and all 50,257 logits of the last token. Usage: npm run check:gpt2 -- DIR
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Gpu, noGrad, reshape, slice, tidy } from "../dist/index.js";
import { openCheckpoint, Tokenizer } from "../dist/io.js";
import { argmax, disposeInputs, GPT2, prepareInputs } from "../dist/models.js";
import { NodeDirectory } from "../dist/node.js";

/** The reference was computed in f32 by another runtime; logits of real GPT-2 lie around -100. */
const TOLERANCE = 0.02;

const [path] = process.argv.slice(2);
if (!path) {
  console.error(
    "usage: npm run check:gpt2 -- DIR   (DIR holds config.json, model.safetensors and the tokenizer of gpt2)",
  );
  process.exit(2);
}

async function lastLogits(model, ids) {
  const inputs = prepareInputs(model.gpu, { inputIds: ids, batch: 1, length: ids.length }, model.config);
  const logits = noGrad(() =>
    tidy(() => {
      const last = slice(model.features(inputs), 1, ids.length - 1, ids.length);
      return model.head(reshape(last, [1, model.config.width]));
    }),
  );
  disposeInputs(inputs);
  const values = await logits.data();
  logits.dispose();
  return values;
}

async function main() {
  const assets = join(dirname(fileURLToPath(import.meta.url)), "..", "assets", "gpt2-124M-reference");
  const examples = JSON.parse(readFileSync(join(assets, "examples.json"), "utf8"));
  const reference = await openCheckpoint(await NodeDirectory.open(assets), "reference.safetensors");
  const directory = await NodeDirectory.open(path);
  const gpu = await Gpu.open();
  console.log(`Adapter: ${gpu.adapter.name}`);
  try {
    const model = await GPT2.fromPretrained(directory);
    const { vocabularySize, width, layers } = model.config;
    if (vocabularySize !== 50257 || width !== 768 || layers !== 12) {
      throw new Error(`${path} is no GPT-2 small: ${layers} layers, width ${width}, vocabulary ${vocabularySize}`);
    }
    const tokenizer = await Tokenizer.fromDirectory(directory).catch((error) => {
      console.log(`Token ids are not checked: ${error.message}`);
      return null;
    });
    let failed = 0;
    for (const [index, { prompt, token_ids: ids }] of examples.entries()) {
      const expected = await reference.readFloat32(`ex${index}.last_logits`);
      const got = await lastLogits(model, Int32Array.from(ids));
      const largest = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0);
      const sameIds = !tokenizer || tokenizer.encode(prompt).join() === ids.join();
      const isRight = largest <= TOLERANCE && sameIds && argmax(got) === argmax(expected);
      if (!isRight) failed++;
      const tokens = sameIds ? "" : ", other token ids";
      console.log(
        `${isRight ? "ok    " : "WRONG "} ${JSON.stringify(prompt)}: largest difference ${largest.toExponential(2)}${tokens}`,
      );
    }
    console.log(`${examples.length - failed} of ${examples.length} prompts agree within ${TOLERANCE}`);
    return failed === 0 ? 0 : 1;
  } finally {
    await reference.close();
    gpu.close();
  }
}

main().then(
  (code) => process.exit(code),
  (error) => {
    console.error(`check-gpt2: ${error.message}`);
    process.exit(1);
  },
);
