import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TrainingEvent } from "../../src/finetune/events.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { serializeSafetensors } from "../../src/io/index.ts";
import { IMAGE_FAMILIES, type ImageModelFamily } from "../../src/models/index.ts";
import { FileServer } from "../support/file-server.ts";
import { TinyCnn, tinyFamily } from "../support/tiny-cnn.ts";
import { graft, MODEL } from "./commands.ts";

let folder: string;
let model: string;
let data: string;
const CLASSES = ["dark", "bright", "red"];

/** 8 by 8 pixels of colour around a level of their class. */
function pixels(label: number, seed: number): Uint8Array {
  const levels = [
    [20, 20, 20],
    [200, 200, 200],
    [220, 30, 30],
  ][label];
  return Uint8Array.from({ length: 192 }, (_, i) => levels[i % 3] + ((i * 7 + seed * 13) % 30));
}

beforeAll(async () => {
  (IMAGE_FAMILIES as ImageModelFamily[]).push(tinyFamily);
  folder = mkdtempSync(join(tmpdir(), "graft-images-"));
  model = join(folder, "tiny");
  data = join(folder, "data");
  const gpu = await Gpu.open();
  const tiny = new TinyCnn(gpu, ["0", "1"], 3);
  await tiny.save(model);
  tiny.dispose();
  gpu.close();
  for (const [label, name] of CLASSES.entries()) {
    mkdirSync(join(data, name), { recursive: true });
    for (let i = 0; i < 8; i++) {
      const image = sharp(pixels(label, i), { raw: { width: 8, height: 8, channels: 3 } });
      await (i % 2 ? image.png() : image.jpeg({ quality: 95 })).toFile(
        join(data, name, `${i}.${i % 2 ? "png" : "jpg"}`),
      );
    }
  }
  const list = Array.from({ length: 24 }, (_, i) => pixels(i % 2, i));
  const images = {
    name: "images",
    dtype: "U8" as const,
    shape: [24, 8, 8, 3],
    data: Uint8Array.from(list.flatMap((one) => [...one])),
  };
  const labels = {
    name: "labels",
    dtype: "I64" as const,
    shape: [24],
    data: BigInt64Array.from(list, (_, i) => BigInt(i % 2)),
  };
  const metadata = { layout: "NHWC" };
  writeFileSync(join(folder, "pack.safetensors"), await serializeSafetensors([images, labels], { metadata }));
});
afterAll(() => {
  (IMAGE_FAMILIES as ImageModelFamily[]).pop();
  rmSync(folder, { recursive: true, force: true });
});

const train = (out: string, ...more: string[]): string[] => [
  ...["finetune", "--model", model, "--task", "image-classify", "--data", data, "--out", join(folder, out)],
  ...["--batch", "6", "--epochs", "6", "--lr", "0.03", "--head-lr", "0.03", "--valid-fraction", "0.25", ...more],
];
const bytes = (out: string, file = "model.safetensors"): Buffer => readFileSync(join(folder, out, file));
const json = (out: string, file = "config.json") => JSON.parse(bytes(out, file).toString());
const eventsOf = (stdout: string): TrainingEvent[] =>
  stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));

describe("graft finetune --task image-classify", () => {
  it("gives a model a head for the classes of a folder, and saves what opens again", async () => {
    const outcome = await graft(train("classes", "--augment", "crop=1,flip,jitter=0.1"));
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    expect(outcome.stdout).toContain(
      "classes  3, with a new head (training + validation): bright 6+2, dark 6+2, red 6+2",
    );
    expect(outcome.stdout).toMatch(/step +1\/18 .* img\/s/);
    expect(outcome.stdout).toContain("activations are computed anew each time: the first stage is trained");
    expect(outcome.stdout).toMatch(/18 steps and 108 images/);
    expect(outcome.stdout).toContain(`Saved model, preprocessing and report.html in ${join(folder, "classes")}`);
    expect(json("classes").id2label).toEqual({ 0: "bright", 1: "dark", 2: "red" });
    expect(json("classes", "preprocessor_config.json")).toMatchObject({
      ...{ crop_size: { height: 8, width: 8 }, image_mean: [0.485, 0.456, 0.406] },
    });
    const report = bytes("classes", "report.html").toString();
    expect(report).toMatch(
      /<img class="picture" src="data:image\/png;base64,[\w+/=]+" alt=""><bdi>\w+\/\d+\.\w+<\/bdi>/,
    );
    expect(report).not.toContain(folder);
    for (const text of [
      "classification of images",
      "tiny fine-tuned on data",
      "crop=1, flip, jitter=0.1",
      "<bdi>bright</bdi> 6, <bdi>dark</bdi> 6",
    ])
      expect(report).toContain(text);

    const own = join(folder, "classes");
    const measured = await graft(["eval", "--model", own, "--data", data]);
    expect([measured.code, measured.stderr]).toEqual([0, expect.stringMatching(/^Adapter: .+\n$/)]);
    expect(measured.stdout).toMatch(/^accuracy 100\.0 %, mean F1 100\.0 %, loss .* over 24 examples\n/);
    const files = ["bright/1.png", "red/2.jpg"].map((file) => join(data, file));
    const told = await graft(["predict", "--model", own, "--image", ...files, "--json"]);
    const lines = told.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines.map(({ image, label }) => [image, label])).toEqual([
      [files[0], "bright"],
      [files[1], "red"],
    ]);
    expect(Object.keys(lines[0].probabilities)).toEqual(["bright", "dark", "red"]);
    const all = await graft(["predict", "--model", own, "--data", join(data, "dark")]);
    expect(all.stdout.split("\n").filter((line) => line.startsWith("dark  (bright "))).toHaveLength(8);
  });

  it("goes on from a stopped run to the same bytes, augmentation and statistics included", async () => {
    const options = ["--augment", "crop=1,flip,jitter"];
    expect((await graft(train("whole", ...options))).code).toBe(0);
    const stopped = await graft(train("stopped", ...options), (seen, interrupt) => {
      if (/^step +8\//m.test(seen)) interrupt();
    });
    expect(stopped.code).toBe(0);
    expect(bytes("stopped").equals(bytes("whole"))).toBe(false);
    const resumed = await graft(train("stopped", ...options, "--resume", join(folder, "stopped")));
    expect([resumed.code, resumed.stderr]).toEqual([0, ""]);
    expect(bytes("stopped").equals(bytes("whole"))).toBe(true);
  });

  it("keeps the model's own head for classes that it knows, and numbers for classes without names", async () => {
    const pack = join(folder, "pack.safetensors");
    const outcome = await graft([
      ...["finetune", "--model", model, "--task", "image-classify", "--data", pack, "--out", join(folder, "numbers")],
      ...["--unfreeze", "layer2,fc", "--max-steps", "2", "--batch", "8", "--image-size", "10", "--json"],
    ]);
    expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
    const [start] = eventsOf(outcome.stdout);
    expect(start).toMatchObject({
      ...{ task: "image-classify", trainExamples: 22, validExamples: 2 },
      settings: { imageSize: "3 × 10 × 10", augment: null, learningRate: 1e-4, headLearningRate: 1e-4 },
    });
    const { cache } = Object.fromEntries(eventsOf(outcome.stdout).map((event) => [event.type, event]));
    expect(cache).toMatchObject({ enabled: true, boundary: "layer2" });
    expect(json("numbers").id2label).toEqual({ 0: "0", 1: "1" });
    expect(json("numbers", "preprocessor_config.json").crop_size).toEqual({ height: 10, width: 10 });
    const measured = await graft(["eval", "--model", join(folder, "numbers"), "--data", pack, "--json"]);
    expect(JSON.parse(measured.stdout)).toMatchObject({ count: 24, labels: ["0", "1"] });
  });

  it("takes the parts for training and validation that the data has", async () => {
    const parted = join(folder, "parted");
    cpSync(data, join(parted, "train"), { recursive: true });
    cpSync(join(data, "red"), join(parted, "valid", "red"), { recursive: true });
    const args = [
      "finetune",
      "--model",
      model,
      "--task",
      "image-classify",
      "--data",
      parted,
      "--max-steps",
      "1",
      "--json",
    ];
    const { stdout } = await graft([...args, "--out", join(folder, "parts")]);
    expect(eventsOf(stdout)[0]).toMatchObject({
      trainExamples: 24,
      validExamples: 8,
      settings: { validFraction: null },
    });
    const refused = await graft([...args, "--out", join(folder, "parts2"), "--valid-fraction", "0.5"]);
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining("has a part for validation of its own"),
    ]);
    const other = await graft([...args, "--out", join(folder, "parts3"), "--valid", data]);
    expect(eventsOf(other.stdout)[0]).toMatchObject({ trainExamples: 24, validExamples: 24 });
  });

  it.each([
    [["--augment", "spin"], 2, '--augment: unknown augmentation "spin"; there are crop, resized-crop, flip, jitter'],
    [["--max-length", "5"], 2, "--max-length goes with texts, not images"],
    [["--group-by-length"], 2, "--group-by-length goes with texts, not images"],
    [["--data", "/nonexistent"], 1, "/nonexistent: no such file or directory"],
    [["--model", MODEL], 1, `${MODEL}: not an image classifier; known are`],
    [["--task", "classify"], 1, "an image classifier does not take texts; use --task image-classify"],
    [["--freeze", "nope"], 2, 'pattern "nope" matches no parameter'],
  ])("refuses %j with code %i", async (extra, code, message) => {
    const outcome = await graft(train("refused", ...extra));
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
    expect(outcome.stderr.trim().split("\n").length).toBeLessThanOrEqual(2);
  });

  it("refuses images too small for the model before anything is written", async () => {
    const squeezeNet = "test/fixtures/models/squeezenet1_1-imagenet";
    const outcome = await graft(train("small", "--model", squeezeNet, "--image-size", "8"));
    expect([outcome.code, outcome.stderr]).toEqual([
      2,
      expect.stringContaining('--image-size 8: images of 8 × 8 do not go through the model: layer "features.5"'),
    ]);
    expect(existsSync(join(folder, "small"))).toBe(false);
    const taken = await graft(train("tiny/config.json"));
    expect([taken.code, taken.stderr]).toEqual([1, expect.stringContaining("there is a file in the way")]);
  });

  it("names the file that cannot be read, and one class that is none", async () => {
    const broken = join(folder, "broken");
    cpSync(data, broken, { recursive: true });
    writeFileSync(join(broken, "red", "3.png"), "no image");
    const outcome = await graft(train("refused", "--data", broken));
    expect([outcome.code, outcome.stderr]).toEqual([
      1,
      expect.stringContaining(`${join(broken, "red", "3.png")}: cannot be decoded as an image`),
    ]);
    const single = join(folder, "single");
    cpSync(join(data, "red"), join(single, "red"), { recursive: true });
    const one = await graft(train("refused", "--data", single));
    expect([one.code, one.stderr]).toEqual([1, expect.stringContaining('every image is of the class "red"')]);
  });
});

describe("other commands on image models", () => {
  it.each([
    [["predict", "--text", "hello"], 2, "tells images apart: use --image or --data"],
    [["predict", "--image"], 2, "--image needs a value: FILE…"],
    [["predict", "--image", "/nonexistent.png"], 1, "/nonexistent.png: no such file or directory"],
    [["generate", "--prompt", "hello"], 1, "a classifier does not predict the next token"],
    [["eval", "--data", "/nonexistent"], 1, "/nonexistent: no such file or directory"],
    [["eval", "--data", "x", "--max-length", "3"], 2, "--max-length goes with texts, not images"],
    [["predict", "--data", "x", "--label-column", "y"], 2, "--label-column goes with texts, not images"],
    [["eval", "--data", "x", "--task", "lm"], 1, "a classifier does not predict the next token"],
  ])("%j ends with code %i", async ([command, ...args], code, message) => {
    const outcome = await graft([command, "--model", model, ...args]);
    expect(outcome.stderr).toContain(message);
    expect(outcome.code).toBe(code);
  });

  it("predicts images at addresses as it does those of a disk", async () => {
    const [png, jpeg, pack] = [
      join(data, "red", "1.png"),
      join(data, "dark", "2.jpg"),
      join(folder, "pack.safetensors"),
    ];
    await using server = await FileServer.start({
      "red.png": readFileSync(png),
      picture: readFileSync(jpeg),
      "pack.safetensors": readFileSync(pack),
      "notes.png": "no image",
    });
    const { url } = server;
    const told = async (option: string, ...places: string[]) => {
      const outcome = await graft(["predict", "--model", model, option, ...places, "--json"]);
      expect([outcome.code, outcome.stderr]).toEqual([0, ""]);
      const lines = outcome.stdout.trim().split("\n");
      return lines.map((line) => JSON.parse(line) as { image: string; probabilities: Record<string, number> });
    };
    const far = await told("--image", `${url}red.png?key=secret`, png, `${url}picture`);
    const near = await told("--image", png, png, jpeg);
    expect(far.map(({ image }) => image)).toEqual([`${url}red.png`, png, `${url}picture`]);
    expect(far.map(({ probabilities }) => probabilities)).toEqual(near.map(({ probabilities }) => probabilities));
    const [distant, own] = [await told("--data", `${url}pack.safetensors`), await told("--data", pack)];
    expect(distant).toHaveLength(24);
    expect(distant[23].image).toBe(`${url}pack.safetensors[23]`);
    expect(distant.map(({ probabilities }) => probabilities)).toEqual(own.map(({ probabilities }) => probabilities));
    for (const [place, message] of [
      ["notes.png?key=secret", "notes.png: cannot be decoded as an image: .*; expected a PNG, JPEG or WebP file"],
      ["none.png", "none.png: there is no such file \\(HTTP 404\\); check the address"],
    ]) {
      const outcome = await graft(["predict", "--model", model, "--image", `${url}${place}`]);
      expect([outcome.code, outcome.stderr]).toEqual([1, expect.stringMatching(`^graft predict: ${url}${message}\n$`)]);
    }
    server.habits = { pageForMissing: true };
    const page = await graft(["predict", "--model", model, "--image", `${url}none.png`]);
    expect([page.code, page.stderr]).toEqual([
      1,
      expect.stringContaining(`${url}none.png: the server sent an HTML page instead of the file`),
    ]);
  });

  it("refuses classes that the model does not have, and images of text models", async () => {
    const outcome = await graft(["eval", "--model", model, "--data", data]);
    expect([outcome.code, outcome.stderr]).toEqual([
      1,
      expect.stringMatching(/unknown class "bright"; the classes are 0, 1/),
    ]);
    const text = await graft(["predict", "--model", MODEL, "--image", join(data, "red", "1.png")]);
    expect([text.code, text.stderr]).toEqual([1, expect.stringContaining("not an image classifier")]);
  });
});
