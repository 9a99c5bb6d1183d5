// Checks what the main job saved, with other eyes than ours where there are any: the npm package `safetensors`, and
// Python's when it is installed. Usage: node scripts/check-saved-model.mjs DIR
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const directory = process.argv[2];
const read = (file) => readFileSync(join(directory, file));
const json = (file) => JSON.parse(read(file).toString("utf8"));

const config = json("config.json");
assert.deepEqual(config.architectures, ["GPT2ForSequenceClassification"]);
assert.deepEqual(config.id2label, { 0: "ham", 1: "spam" });
assert.deepEqual(config.label2id, { ham: 0, spam: 1 });
assert.equal(typeof config.pad_token_id, "number", "transformers needs a padding token to find the last one");

const bytes = read("model.safetensors");
const headerLength = Number(bytes.readBigUInt64LE(0));
assert.equal(headerLength % 8, 0, "the header is aligned");
const header = JSON.parse(bytes.subarray(8, 8 + headerLength).toString("utf8"));
assert.equal(header.__metadata__.format, "pt", "transformers opens no file without the format");
const { __metadata__, ...tensors } = header;
const end = Object.values(tensors).reduce((most, { data_offsets: [, stop] }) => Math.max(most, stop), 0);
assert.equal(8 + headerLength + end, bytes.length, "the data fills the file");

const original = readFileSync("assets/gpt2-mini-en/model.safetensors");
const originalHeader = JSON.parse(original.subarray(8, 8 + Number(original.readBigUInt64LE(0))).toString("utf8"));
for (const [name, { shape, dtype }] of Object.entries(originalHeader)) {
  if (name === "__metadata__" || name === "lm_head.weight") continue;
  assert.deepEqual(tensors[name]?.shape, shape, `${name} has the shape it had`);
  assert.equal(tensors[name].dtype, dtype);
}
assert.deepEqual(tensors["score.weight"].shape, [2, config.n_embd]);

const values = (name, file = bytes, table = tensors, length = headerLength) => {
  const [begin, stop] = table[name].data_offsets;
  return new Float32Array(file.buffer.slice(file.byteOffset + 8 + length + begin, file.byteOffset + 8 + length + stop));
};
const originalLength = Number(original.readBigUInt64LE(0));
const before = (name) => values(name, original, originalHeader, originalLength);
assert.deepEqual(values("transformer.h.0.attn.c_attn.weight"), before("transformer.h.0.attn.c_attn.weight"), "frozen");
assert.notDeepEqual(
  values("transformer.h.3.attn.c_attn.weight"),
  before("transformer.h.3.attn.c_attn.weight"),
  "trained",
);
for (const name of Object.keys(tensors)) assert.ok(values(name).every(Number.isFinite), `${name} is finite`);

for (const file of ["tokenizer.json", "tokenizer_config.json"]) {
  assert.deepEqual(
    read(file),
    readFileSync(join("assets/gpt2-mini-en", file)),
    `${file} is the one the model came with`,
  );
}

const report = read("report.html").toString("utf8");
assert.match(report, /^<!doctype html>/i);
assert.doesNotMatch(report, /(src|href)\s*=\s*["']?(https?:)?\/\//i, "the report needs nothing from outside");

const python = spawnSync("python3", [
  "-c",
  "import sys, safetensors.numpy as s; print(len(s.load_file(sys.argv[1])))",
  join(directory, "model.safetensors"),
]);
const opened =
  python.status === 0
    ? `Python opens it with ${python.stdout.toString().trim()} tensors`
    : "no Python with safetensors here";

const message = "FREE entry! Win a prize now, text WIN to 80085";
const predict = spawnSync(process.execPath, [
  "dist/cli/main.js",
  "predict",
  "--model",
  directory,
  "--text",
  message,
  "--json",
]);
assert.equal(predict.status, 0, predict.stderr.toString());
console.log(
  `${directory}: ${Object.keys(tensors).length} tensors, ${bytes.length} bytes; ${opened}; predict: ${predict.stdout.toString().trim()}`,
);
