import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { distinctNames } from "../../src/cli/commands/predict.ts";
import { SafetensorsFile, serializeSafetensors, type TensorToWrite } from "../../src/io/index.ts";
import { openFile } from "../../src/io/node/index.ts";
import { compare, FIXTURES, loadCase, type OracleCase } from "../support/oracle.ts";
import { graft, MODEL } from "./commands.ts";

let folder: string;
let classifier: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "graft-predict-"));
  classifier = join(folder, "spam");
  const data = join(folder, "data.jsonl");
  const rows = Array.from({ length: 24 }, (_, i) => ({
    text: i % 2 ? `win cash now ${i}` : `see you at ${i}`,
    label: i % 2 ? "spam" : "ham",
  }));
  writeFileSync(data, rows.map((row) => JSON.stringify(row)).join("\n"));
  const outcome = await graft([
    ...["finetune", "--model", MODEL, "--task", "classify", "--data", data, "--out", classifier],
    ...["--unfreeze", "score", "--epochs", "8", "--batch", "8", "--head-lr", "0.02", "--valid-fraction", "0.25"],
  ]);
  expect(outcome.code).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function readAll(
  path: string,
): Promise<Map<string, { shape: readonly number[]; dtype: string; data: Float32Array }>> {
  const file = await SafetensorsFile.open(await openFile(path));
  const result = new Map();
  for (const name of file.names()) {
    const { shape, dtype } = file.info(name);
    result.set(name, { shape, dtype, data: await file.readFloat32(name) });
  }
  await file.close();
  return result;
}

/** Writes a case's ids as a user would, I64 as PyTorch has them or I32, and runs the raw prediction. */
async function raw(oracle: OracleCase, name: string, dtype: "I32" | "I64", names: string[], ...more: string[]) {
  const input = join(folder, `${name}.safetensors`);
  const output = join(folder, `${name}-out.safetensors`);
  const tensors: TensorToWrite[] = names.flatMap((key) => {
    const tensor = oracle.tensors.get(key);
    if (!tensor) return [];
    const data = dtype === "I64" ? BigInt64Array.from(tensor.data as Int32Array, BigInt) : Int32Array.from(tensor.data);
    return [{ name: key, dtype, shape: tensor.shape, data }];
  });
  writeFileSync(input, await serializeSafetensors(tensors));
  const outcome = await graft([
    "predict",
    "--model",
    oracle.modelDirectory,
    "--ids-file",
    input,
    "--logits",
    output,
    ...more,
  ]);
  expect([outcome.code, outcome.stderr]).toEqual([0, expect.stringMatching(/^Adapter: .+\n$/)]);
  return readAll(output);
}

describe("graft predict", () => {
  it("tells a label with probabilities, for a text and for a file", async () => {
    const one = await graft(["predict", "--model", classifier, "--text", "win cash now 99", "--json"]);
    const { label, probabilities } = JSON.parse(one.stdout);
    expect(label).toBe("spam");
    expect(probabilities.ham + probabilities.spam).toBeCloseTo(1, 6);
    const file = join(folder, "texts.txt");
    writeFileSync(file, "see you at 5\nwin cash now 7\n");
    const many = await graft(["predict", "--model", classifier, "--data", file]);
    expect(many.stdout.split("\n").map((line) => line.split(" ")[0])).toEqual(["ham", "spam", ""]);
  });

  it("gives PyTorch's logits and hidden states of raw ids", async () => {
    const oracle = await loadCase("gpt2-tiny/forward");
    const got = await raw(oracle, "forward", "I64", ["input_ids"], "--hidden");
    expect([...got.keys()].sort()).toEqual([
      "hidden_states.0",
      "hidden_states.1",
      "hidden_states.2",
      "hidden_states.3",
      "logits",
    ]);
    expect(got.get("logits")).toMatchObject({ dtype: "F32", shape: [2, 32, 512] });
    for (const [name, { data }] of got) expect(compare(oracle, name.replace(".", "/"), data)).toBeNull();
  });

  it("counts positions over the unmasked tokens when there are none", async () => {
    const oracle = await loadCase("gpt2-tiny/forward-pad-left");
    const counted = await raw(oracle, "left", "I32", ["input_ids", "attention_mask"]);
    expect(compare(oracle, "logits", counted.get("logits")!.data)).toBeNull();
    const given = await raw(oracle, "left-given", "I32", ["input_ids", "attention_mask", "position_ids"]);
    expect(given.get("logits")!.data).toEqual(counted.get("logits")!.data);
  });

  it("gives a classifier's logits [batch, classes]", async () => {
    const oracle = await loadCase("gpt2-seqcls-tiny/forward-pad-right");
    const got = await raw(oracle, "classes", "I64", ["input_ids", "attention_mask"]);
    expect(got.get("logits")!.shape).toEqual([4, 2]);
    expect(compare(oracle, "logits", got.get("logits")!.data)).toBeNull();
  });

  it("adds the token table's rows of token types, as transformers' GPT-2 does", async () => {
    const oracle = await loadCase("gpt2-tiny/forward");
    const plain = await raw(oracle, "plain", "I32", ["input_ids"], "--hidden");
    const { shape, data } = oracle.tensors.get("input_ids")!;
    const types = Int32Array.from(data, (_, i) => (i % 3 === 0 ? 0 : 7));
    oracle.tensors.set("token_type_ids", { shape, data: types });
    const typed = await raw(oracle, "typed", "I64", ["input_ids", "token_type_ids"], "--hidden");
    const weights = await readAll(join(oracle.modelDirectory, "model.safetensors"));
    const table = weights.get("transformer.wte.weight")!.data;
    const [before, after] = [plain, typed].map((got) => got.get("hidden_states.0")!.data);
    const width = 64;
    const expected = before.map((value, i) => value + table[types[Math.floor(i / width)] * width + (i % width)]);
    expect(after.reduce((most, value, i) => Math.max(most, Math.abs(value - expected[i])), 0)).toBeLessThan(1e-6);
    expect(typed.get("logits")!.data).not.toEqual(plain.get("logits")!.data);
  });

  it("calls classes without names as transformers does", async () => {
    const unnamed = join(folder, "unnamed");
    cpSync(classifier, unnamed, { recursive: true });
    const config = JSON.parse(readFileSync(join(unnamed, "config.json"), "utf8"));
    delete config.id2label;
    delete config.label2id;
    writeFileSync(join(unnamed, "config.json"), JSON.stringify(config));
    const { stdout } = await graft(["predict", "--model", unnamed, "--text", "win cash now 99", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ label: "LABEL_1" });
    const data = join(folder, "unnamed.csv");
    writeFileSync(data, "label,text\nLABEL_0,see you at 1\nLABEL_1,win cash now 2\n");
    const measured = await graft(["eval", "--model", unnamed, "--data", data, "--json"]);
    expect(JSON.parse(measured.stdout)).toMatchObject({ accuracy: 1, labels: ["LABEL_0", "LABEL_1"] });
  });

  it("tells classes of one name apart by their numbers", async () => {
    const twins = join(folder, "twins");
    cpSync(classifier, twins, { recursive: true });
    const config = JSON.parse(readFileSync(join(twins, "config.json"), "utf8"));
    config.id2label = { 0: "crane", 1: "crane" };
    delete config.label2id;
    writeFileSync(join(twins, "config.json"), JSON.stringify(config));
    const { stdout } = await graft(["predict", "--model", twins, "--text", "win cash now 99", "--json"]);
    const { label, probabilities } = JSON.parse(stdout);
    expect(label).toBe("crane [1]");
    expect(Object.keys(probabilities)).toEqual(["crane [0]", "crane [1]"]);
    expect(probabilities["crane [0]"] + probabilities["crane [1]"]).toBeCloseTo(1, 6);
    expect(distinctNames(["a", "b", "a", "c", "a"])).toEqual(["a [0]", "b", "a [2]", "c", "a [4]"]);
  });

  it("refuses a task that the model was not made for", async () => {
    const classes = await graft(["predict", "--model", MODEL, "--task", "classify", "--text", "x"]);
    expect([classes.code, classes.stderr]).toEqual([1, expect.stringContaining("a language model has no classes yet")]);
    const measured = await graft(["eval", "--model", MODEL, "--task", "classify", "--data", "assets/sms-spam/sms.tsv"]);
    expect([measured.code, measured.stderr]).toEqual([1, classes.stderr.replace("predict", "eval")]);
    const words = await graft(["eval", "--model", classifier, "--task", "lm", "--data", "assets/sms-spam/sms.tsv"]);
    expect([words.code, words.stderr]).toEqual([1, expect.stringContaining("a classifier does not predict the next")]);
  });

  it("does not read more tokens than the model has positions", async () => {
    for (const command of [
      ["predict", "--text", "x"],
      ["eval", "--data", "assets/sms-spam/sms.tsv"],
    ]) {
      const outcome = await graft([...command, "--model", classifier, "--max-length", "257"]);
      expect([outcome.code, outcome.stderr]).toEqual([2, expect.stringContaining("--max-length 257 exceeds")]);
    }
  });

  it("finds a classifier's last token by the padding id when there is no mask, as transformers does", async () => {
    const oracle = await loadCase("gpt2-seqcls-tiny/forward-pad-right");
    const got = await raw(oracle, "unmasked", "I64", ["input_ids"]);
    expect(compare(oracle, "logits", got.get("logits")!.data)).toBeNull();
  });

  it("names what is wrong with the ids", async () => {
    const model = join(FIXTURES, "oracle/gpt2-tiny");
    const predict = async (tensors: TensorToWrite[]) => {
      const input = join(folder, "bad.safetensors");
      writeFileSync(input, await serializeSafetensors(tensors));
      const outcome = await graft([
        "predict",
        "--model",
        model,
        "--ids-file",
        input,
        "--logits",
        join(folder, "bad-out.safetensors"),
      ]);
      expect(outcome.code).toBe(1);
      return outcome.stderr;
    };
    const ids = (values: number[], name = "input_ids"): TensorToWrite => ({
      name,
      dtype: "I32",
      shape: [1, values.length],
      data: Int32Array.from(values),
    });
    expect(await predict([ids([1, 2], "ids")])).toContain("there is no tensor input_ids; found ids");
    expect(await predict([ids([1, 512])])).toContain(
      "token id 512 at row 0, column 1 lies outside the vocabulary of 512",
    );
    expect(await predict([{ ...ids([1]), dtype: "F32", data: Float32Array.of(1) }])).toContain("expected I64 or I32");
    expect(await predict([ids([1, 2]), ids([1], "attention_mask")])).toContain("attention_mask has shape [1,1]");
    expect(await predict([ids([1, 2]), ids([0, 2], "attention_mask")])).toContain("attention_mask has the value 2");
    expect(await predict([ids([1, 2]), ids([0, 512], "token_type_ids")])).toContain(
      "token type 512 at row 0, column 1",
    );
    // The low 32 bits are the id 5.
    const large: TensorToWrite = {
      name: "input_ids",
      dtype: "I64",
      shape: [1, 2],
      data: BigInt64Array.of(1n, 2n ** 32n + 5n),
    };
    expect(await predict([large])).toContain("input_ids has 4294967301 at row 0, column 1");
    expect(await predict([ids(new Array(65).fill(1))])).toContain("65 tokens exceeds the model's 64 positions");
  });

  it("wants one source, and classes for labels", async () => {
    const none = await graft(["predict", "--model", classifier]);
    expect([none.code, none.stderr]).toEqual([
      2,
      expect.stringContaining("one of --text, --image, --data and --ids-file"),
    ]);
    const half = await graft(["predict", "--model", classifier, "--ids-file", "x"]);
    expect([half.code, half.stderr]).toEqual([2, expect.stringContaining("--ids-file and --logits go together")]);
    const language = await graft(["predict", "--model", MODEL, "--text", "x"]);
    expect([language.code, language.stderr]).toEqual([2, expect.stringContaining("a language model has no classes")]);
  });
});

describe("graft eval", () => {
  it("measures a classifier", async () => {
    const data = join(folder, "eval.tsv");
    writeFileSync(data, "ham\tsee you at 1\nspam\twin cash now 2\nham\tsee you at 3\n");
    const json = await graft(["eval", "--model", classifier, "--data", data, "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      count: 3,
      accuracy: 1,
      confusionMatrix: [
        [2, 0],
        [0, 1],
      ],
      labels: ["ham", "spam"],
    });
    const plain = await graft(["eval", "--model", classifier, "--data", data]);
    expect(plain.stdout).toContain("accuracy 100.0 %");
    expect(plain.stdout).toMatch(/class +precision +recall +F1 +count +as ham +as spam/);
    writeFileSync(data, "ham\tsee you\neggs\twin\n");
    const unknown = await graft(["eval", "--model", classifier, "--data", data]);
    expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining("eggs")]);
  });

  it("says that it was stopped, without results", async () => {
    const data = join(folder, "many.tsv");
    writeFileSync(data, "ham\tsee you\nspam\twin\n".repeat(200));
    const { code, stdout, stderr } = await graft(["eval", "--model", classifier, "--data", data], undefined, true);
    expect([code, stdout]).toEqual([1, ""]);
    expect(stderr).toContain("graft eval: stopped on request");
  });

  it("gives a language model the loss that PyTorch gives it on the same text", async () => {
    const baselines = JSON.parse(readFileSync(`${MODEL}/baselines.json`, "utf8"));
    const expected = baselines.shakespeare.before_fine_tuning;
    const data = join(FIXTURES, "tinyshakespeare/valid.txt");
    const { stdout } = await graft(["eval", "--model", MODEL, "--data", data, "--max-length", "128", "--json"]);
    const { loss, perplexity, count } = JSON.parse(stdout);
    expect(count).toBe(Math.floor((baselines.shakespeare.counts.val_tokens - 1) / 128) * 128);
    expect(Math.abs(loss - expected.loss)).toBeLessThan(2e-5);
    expect(perplexity).toBeCloseTo(expected.perplexity, 2);
    // 47,616 tokens: seconds on lavapipe, minutes on SwiftShader.
  }, 600_000);
});
