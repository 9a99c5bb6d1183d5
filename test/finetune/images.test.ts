import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type CacheEvent,
  type FinetuneOptions,
  finetune,
  ImageExamples,
  type ImageTrainingExample,
  layerwiseGroups,
  type StepEvent,
  type TrainingEvent,
} from "../../src/finetune/index.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { type Augmentation, defaultPreprocessing, MemoryDirectory, makeImage, mulberry32 } from "../../src/io/index.ts";
import { AdamW } from "../../src/nn/index.ts";
import { TinyCnn } from "../support/tiny-cnn.ts";

const LABELS = ["dark", "bright", "striped"];
const PREPROCESSING = defaultPreprocessing(1, 8, 8);
const AUGMENTATION: Augmentation = { crop: { padding: 1 }, flip: 0.5, jitter: 0.2 };

let gpu: Gpu;
beforeAll(async () => {
  gpu = await Gpu.open();
});
afterAll(() => {
  expect(gpu.statistics.rescuedTensors).toBe(0);
  expect(gpu.statistics.liveBuffers).toBe(0);
  gpu.close();
});

/** Noise around a level, with stripes for the third class. */
function examples(count: number, seed: number): ImageTrainingExample[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, (_, index) => {
    const label = index % 3;
    const level = (i: number): number => (label === 2 ? (i % 2) * 180 : label * 140);
    const data = Uint8Array.from({ length: 64 }, (_, i) => level(i) + Math.floor(60 * random.next()));
    return { image: makeImage(1, 8, 8, data), label };
  });
}

interface Run {
  events: TrainingEvent[];
  values: Map<string, number[]>;
}

type Options = Partial<FinetuneOptions> & {
  train?: readonly string[];
  augmentation?: Augmentation;
  stopAfter?: number;
  seed?: number;
};

async function valuesOf(model: TinyCnn): Promise<Map<string, number[]>> {
  const values = new Map<string, number[]>();
  for (const [name, tensor] of model.namedTensors()) values.set(name, [...(await tensor.data())]);
  return values;
}

async function train({ train = ["*"], augmentation, stopAfter, ...options }: Options = {}): Promise<Run> {
  const model = new TinyCnn(gpu, LABELS);
  model.freeze().unfreeze(...train);
  const optimizer = new AdamW(layerwiseGroups(model, { learningRate: 0.02, decay: 0.5, weightDecay: 0.01 }));
  const controller = new AbortController();
  const data = {
    train: new ImageExamples(examples(23, 1), { preprocessing: PREPROCESSING, augmentation, seed: 9 }),
    valid: new ImageExamples(examples(12, 2), { preprocessing: PREPROCESSING }),
    labels: LABELS,
  };
  const settings = { epochs: 2, batch: 5, clip: 1, seed: 3, keepBest: false, signal: controller.signal, ...options };
  const events: TrainingEvent[] = [];
  try {
    for await (const event of finetune(model, data, { optimizer, task: "image-classify", ...settings })) {
      events.push(event);
      if (event.type === "step" && event.step === stopAfter) controller.abort();
    }
    return { events, values: await valuesOf(model) };
  } finally {
    optimizer.dispose();
    model.dispose();
  }
}

const steps = (run: Run): StepEvent[] => run.events.filter((event) => event.type === "step");
const losses = (run: Run): number[] => steps(run).map((event) => event.loss);
const cacheOf = (run: Run): CacheEvent => run.events.find((event) => event.type === "cache") as CacheEvent;
const isStatistic = (name: string): boolean => /running_(mean|var)$/.test(name);

async function untrained(): Promise<Map<string, number[]>> {
  const model = new TinyCnn(gpu, LABELS);
  const values = await valuesOf(model);
  model.dispose();
  return values;
}

describe("finetune on images", () => {
  it("lowers the loss, counts images, and tells classes apart", async () => {
    const run = await train({ epochs: 8, augmentation: { flip: 0.5 } });
    expect(run.events[0]).toMatchObject({
      task: "image-classify",
      trainExamples: 23,
      validExamples: 12,
      totalSteps: 40,
    });
    expect(steps(run)[0].tokens).toBe(5);
    expect(steps(run)[4].tokens).toBe(3);
    const last = run.events.findLast((event) => event.type === "evaluation");
    expect(last!.evaluation).toMatchObject({ count: 12, labels: LABELS, accuracy: 1 });
    expect(last!.evaluation.confusionMatrix).toEqual([
      [4, 0, 0],
      [0, 4, 0],
      [0, 0, 4],
    ]);
  });

  it("gives the same bits twice, and others when the images are augmented by another seed", async () => {
    const first = await train({ augmentation: AUGMENTATION });
    const second = await train({ augmentation: AUGMENTATION });
    expect(second.values).toEqual(first.values);
    expect(losses(second)).toEqual(losses(first));
    expect(losses(await train())).not.toEqual(losses(first));
  });

  it("goes on from a checkpoint bit for bit, running statistics and augmentation included", async () => {
    const whole = await train({ augmentation: AUGMENTATION, keepBest: true });
    for (const stopAfter of [1, 5, 7]) {
      const directory = new MemoryDirectory("run");
      const options = { augmentation: AUGMENTATION, keepBest: true };
      const stopped = await train({ ...options, stopAfter, checkpoint: { directory } });
      const resumed = await train({ ...options, resume: directory });
      expect([...losses(stopped), ...losses(resumed)]).toEqual(losses(whole));
      expect(resumed.values).toEqual(whole.values);
    }
  });

  it("refuses to go on with other images, preprocessing or augmentation", async () => {
    const directory = new MemoryDirectory("run");
    await train({ stopAfter: 1, checkpoint: { directory }, augmentation: AUGMENTATION });
    await expect(train({ resume: directory })).rejects.toThrow("resume: the checkpoint was made with augmentation");
  });

  it("does not move the statistics of frozen layers, and moves those of trained ones", async () => {
    const before = await untrained();
    for (const options of [{}, { cache: false as const }, { augmentation: AUGMENTATION }]) {
      const { values } = await train({ train: ["layer2", "fc"], ...options });
      for (const [name, numbers] of values) {
        if (name.startsWith("layer1")) expect(numbers, name).toEqual(before.get(name));
        else if (isStatistic(name)) expect(numbers, name).not.toEqual(before.get(name));
      }
    }
    const { values } = await train({ train: ["fc"], cache: false });
    for (const [name, numbers] of values) if (isStatistic(name)) expect(numbers, name).toEqual(before.get(name));
  });

  it.each([[["layer2", "fc"]], [["fc"]]])(
    "gives the same bits with and without kept activations, training %j",
    async (trained) => {
      const without = await train({ train: trained, cache: false });
      const onGpu = await train({ train: trained });
      const onHost = await train({ train: trained, cache: { gpuBytes: 0, hostBytes: 2 ** 20 } });
      const little = await train({ train: trained, cache: { gpuBytes: 0, hostBytes: 600 } });
      for (const run of [onGpu, onHost, little]) {
        expect(losses(run)).toEqual(losses(without));
        expect(run.values).toEqual(without.values);
      }
      expect(cacheOf(without)).toMatchObject({ enabled: false, reason: "switched off" });
      expect(cacheOf(onGpu)).toMatchObject({ enabled: true, computed: 23, reused: 23, hostBytes: 0 });
      expect(cacheOf(onHost)).toMatchObject({ computed: 23, reused: 23, gpuBytes: 0 });
      expect(cacheOf(little).computed).toBeGreaterThan(23);
    },
  );

  it("keeps nothing of images that are augmented, but still of those for validation", async () => {
    const run = await train({ train: ["fc"], augmentation: { flip: 0.5 }, epochs: 1 });
    expect(cacheOf(run)).toMatchObject({ enabled: false, reason: "the examples are augmented" });
    expect(run.events.some((event) => event.type === "prepare")).toBe(false);
  });

  it("groups parameters by stage, each a level below the one above", async () => {
    const model = new TinyCnn(gpu, LABELS);
    const groups = layerwiseGroups(model, { learningRate: 1, headLearningRate: 5, decay: 0.5, weightDecay: 0.1 });
    expect(groups.map(({ name, learningRate, weightDecay }) => [name, learningRate, weightDecay])).toEqual([
      ["head", 5, 0.1],
      ["head (no decay)", 5, 0],
      ["layer2", 1, 0.1],
      ["layer2 (no decay)", 1, 0],
      ["layer1", 0.5, 0.1],
      ["layer1 (no decay)", 0.5, 0],
    ]);
    model.dispose();
  });

  it("refuses images of other channels than the model takes", async () => {
    const model = new TinyCnn(gpu, LABELS, 3);
    const pixels = new Float32Array(64);
    expect(() => model.prepare({ pixels, batch: 1, channels: 1, height: 8, width: 8 })).toThrow(
      "images of shape [1, 1, 8, 8] have 1 channels, the model takes 3",
    );
    model.dispose();
  });
});

describe("image examples", () => {
  it("depend on the epoch and the place, not on what shares the batch", () => {
    const set = new ImageExamples(examples(6, 4), {
      preprocessing: PREPROCESSING,
      augmentation: AUGMENTATION,
      seed: 5,
    });
    const together = set.collate([3, 1, 4], 2);
    expect(together).toMatchObject({ batch: 3, channels: 1, height: 8, width: 8, counted: 3, tokens: 3 });
    expect([...together.labels]).toEqual([0, 1, 1]);
    const alone = set.collate([1], 2);
    expect(together.pixels.subarray(64, 128)).toEqual(alone.pixels);
    expect(set.collate([1], 3).pixels).not.toEqual(alone.pixels);
    // Without an epoch they are as they are.
    const plain = new ImageExamples(examples(6, 4), { preprocessing: PREPROCESSING });
    expect(set.collate([1]).pixels).toEqual(plain.collate([1], 2).pixels);
    const { image } = examples(6, 4)[1];
    expect(plain.collate([1]).pixels[5]).toBeCloseTo((image.data[5] / 255 - 0.5) / 0.5, 6);
  });

  it("have a checksum of pixels, shapes and classes", () => {
    const sum = (list: ImageTrainingExample[]) => new ImageExamples(list, { preprocessing: PREPROCESSING }).checksum();
    const [first, second] = examples(2, 1);
    expect(sum([first, second])).toBe(sum(examples(2, 1)));
    const turned = { ...first, image: { ...first.image, height: 4, width: 16 } };
    for (const other of [[second, first], [first], [{ ...first, label: 2 }, second], [turned, second]]) {
      expect(sum(other)).not.toBe(sum([first, second]));
    }
  });
});
