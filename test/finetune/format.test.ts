import { describe, expect, it } from "vitest";
import {
  formatBytes,
  formatClock,
  formatCount,
  formatDuration,
  formatLoss,
  formatPercent,
  formatRate,
  joinParts,
  modelParts,
} from "../../src/finetune/format.ts";

describe("numbers as people read them", () => {
  it.each([
    [
      formatBytes,
      [0, 1023, 1024, 1_572_864, 134_217_728, 1_048_575],
      ["0 B", "1023 B", "1.0 KiB", "1.5 MiB", "128 MiB", "1.0 MiB"],
    ],
    [formatCount, [0, 999, 1000, 2_222_592], ["0", "999", "1,000", "2,222,592"]],
    [formatPercent, [0, 0.98206, 1, Number.NaN], ["0.0 %", "98.2 %", "100.0 %", "–"]],
    [
      formatLoss,
      [Math.LN2, 12.3456, 4321.9, 1e7, 0, 1e-6, Number.NaN, Number.POSITIVE_INFINITY],
      ["0.6931", "12.35", "4322", "1.00e+7", "0.0000", "1.00e-6", "NaN", "∞"],
    ],
    [formatRate, [0, 0.001, 0.0205, 5e-5, 0.00008191], ["0", "0.001", "0.0205", "5e-5", "8.19e-5"]],
    [
      formatDuration,
      [0, 0.0236, 4.21, 9.96, 59.7, 95, 3599.6, 7260],
      ["0.0 s", "24 ms", "4.2 s", "10 s", "1 min 0 s", "1 min 35 s", "1 h 0 min", "2 h 1 min"],
    ],
    [formatClock, [0, 59.6, 95, 3725], ["0:00", "1:00", "1:35", "1:02:05"]],
  ])("%o", (format, values, texts) => {
    expect(values.map((value) => format(value))).toEqual(texts);
  });
});

describe("parts of a model", () => {
  const block = (n: number) => [`transformer.h.${n}.attn.c_attn.weight`, `transformer.h.${n}.ln_1.bias`];

  it("are its blocks in their order, with what is trained of each", () => {
    const frozen = ["transformer.wpe.weight", "transformer.wte.weight", ...block(10), ...block(2), block(9)[0]];
    const trainable = ["score.weight", block(9)[1], ...block(11), "transformer.ln_f.weight"];
    expect(modelParts(trainable, frozen)).toEqual([
      { name: "wpe", trained: "none" },
      { name: "wte", trained: "none" },
      { name: "h.2", trained: "none" },
      { name: "h.9", trained: "some" },
      { name: "h.10", trained: "none" },
      { name: "h.11", trained: "all" },
      { name: "ln_f", trained: "all" },
      { name: "score", trained: "all" },
    ]);
  });

  it("keep the names of a checkpoint without a trunk", () => {
    expect(modelParts(["h.1.a", "bias"], ["h.0.a", "wte.weight"]).map(({ name }) => name)).toEqual([
      "wte",
      "h.0",
      "h.1",
      "bias",
    ]);
    expect(modelParts([], ["bert.encoder.layer.0.a.weight"])[0].name).toBe("encoder.layer.0");
  });

  it("are those of image models too", () => {
    const cifar = ["bn1.bias", "conv1.weight", "layer1.0.bn1.bias", "layer1.2.conv1.weight", "layer2.0.conv2.weight"];
    const names = modelParts(["layer3.0.a", "layer3.1.a", "linear.bias"], cifar).map(({ name }) => name);
    expect(names).toEqual(["bn1", "conv1", "layer1.0", "layer1.2", "layer2.0", "layer3.0", "layer3.1", "linear"]);
    const stage = (n: number) => `resnet.encoder.stages.${n}.layers.0.layer.0.convolution.weight`;
    const resnet = modelParts(
      ["classifier.1.weight"],
      [stage(1), "resnet.embedder.embedder.convolution.weight", stage(0)],
    );
    expect(resnet.map(({ name }) => name)).toEqual([
      ...["embedder.embedder.convolution", "encoder.stages.0", "encoder.stages.1", "classifier.1"],
    ]);
  });

  it("are joined in runs", () => {
    expect(joinParts(["wte", "wpe", "h.0", "h.1", "h.2", "h.9", "h.10", "ln_f"])).toBe(
      "wte, wpe, h.0 – h.2, h.9 – h.10, ln_f",
    );
    expect(joinParts([])).toBe("");
  });
});
