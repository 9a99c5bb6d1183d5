import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { threefry } from "../../../src/io/datasets/random.ts";
import {
  adjustBrightness,
  adjustContrast,
  adjustSaturation,
  augmentColor,
  augmentShape,
  centerCrop,
  exampleRandom,
  type FloatImage,
  flipHorizontal,
  makeImage,
  parseAugmentation,
} from "../../../src/io/index.ts";
import { threefry2x32 } from "../../reference/random.ts";

/** Two pixels of colour: [0.2, 0.6, 0.4] and [1, 0, 0.5]. */
const color: FloatImage = { channels: 3, height: 1, width: 2, data: Float32Array.of(0.2, 1, 0.6, 0, 0.4, 0.5) };
const grey: FloatImage = { channels: 1, height: 1, width: 2, data: Float32Array.of(0.25, 0.75) };
const near = (image: FloatImage, values: number[]) => {
  expect(image.data).toHaveLength(values.length);
  values.forEach((value, i) => {
    expect(image.data[i]).toBeCloseTo(value, 6);
  });
};
/** Luminance of the two pixels: 0.2989·R + 0.587·G + 0.114·B. */
const L0 = 0.2989 * 0.2 + 0.587 * 0.6 + 0.114 * 0.4;
const L1 = 0.2989 + 0.114 * 0.5;

describe("random numbers of an example", () => {
  it("are Threefry-2x32, as on the GPU", () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(), fc.nat(0xffffffff), fc.nat(0xffffffff), (a, b, c, d) => {
        expect(threefry([a, b], [c, d])).toEqual(threefry2x32([c, d], [a, b]));
      }),
    );
    // Known answers of Random123.
    expect(threefry([0, 0], [0, 0])).toEqual([0x6b200159, 0x99ba4efe]);
    expect(threefry([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toEqual([0xc4923a9c, 0x483df7a0]);
  });

  it("depend on seed, epoch and index alone", () => {
    const draw = (seed: number, epoch: number, index: number) => {
      const random = exampleRandom(seed, epoch, index);
      return [random.next(), random.next(), random.next()];
    };
    expect(draw(1, 2, 3)).toEqual(draw(1, 2, 3));
    const others = [draw(1, 2, 3), draw(2, 2, 3), draw(1, 3, 3), draw(1, 2, 4)].map(String);
    expect(new Set(others).size).toBe(4);
    for (const value of draw(1, 2, 3)) expect(value >= 0 && value < 1).toBe(true);
  });
});

describe("colours", () => {
  it("get brighter: clamp(f·x)", () => {
    near(adjustBrightness(color, 1.5), [0.3, 1, 0.9, 0, 0.6, 0.75]);
    near(adjustBrightness(color, 0), [0, 0, 0, 0, 0, 0]);
    expect(adjustBrightness(color, 1)).toEqual(color);
  });

  it("get contrast: clamp(f·x + (1-f)·mean luminance)", () => {
    const mean = (L0 + L1) / 2;
    const f = 1.4;
    const x = [0.2, 1, 0.6, 0, 0.4, 0.5];
    near(
      adjustContrast(color, f),
      x.map((value) => Math.min(1, Math.max(0, f * value + (1 - f) * mean))),
    );
    near(adjustContrast(grey, 0.5), [0.375, 0.625]);
  });

  it("get saturated: clamp(f·x + (1-f)·luminance of the pixel)", () => {
    near(adjustSaturation(color, 0), [L0, L1, L0, L1, L0, L1]);
    const f = 0.3;
    near(adjustSaturation(color, f), [
      ...[f * 0.2 + 0.7 * L0, f + 0.7 * L1, f * 0.6 + 0.7 * L0],
      ...[0.7 * L1, f * 0.4 + 0.7 * L0, f * 0.5 + 0.7 * L1],
    ]);
    expect(adjustSaturation(grey, 0.2)).toBe(grey);
  });
});

describe("augmentation", () => {
  const image = makeImage(
    1,
    8,
    8,
    Uint8Array.from({ length: 64 }, (_, i) => i + 1),
  );
  const shape = { height: 8, width: 8, filter: "bilinear" as const };

  it("is read by name, with a number where it is not to be the default", () => {
    expect(parseAugmentation(["crop", "flip", "jitter"], 32, 32)).toEqual({
      crop: { padding: 4 },
      flip: 0.5,
      jitter: 0.2,
    });
    expect(parseAugmentation(["resized-crop=0.5", "flip=1"], 32, 32)).toEqual({
      resizedCrop: { smallest: 0.5 },
      flip: 1,
    });
    expect(parseAugmentation([], 8, 8)).toEqual({});
    for (const [item, problem] of [
      ["spin", 'unknown augmentation "spin"; there are crop, resized-crop, flip, jitter'],
      ["flip=2", 'augmentation "flip=2": expected a number from 0 to 1'],
      ["flip=", 'augmentation "flip=": expected a number from 0 to 1'],
      ["crop=1.5", 'augmentation "crop=1.5": expected whole pixels'],
    ]) {
      expect(() => parseAugmentation([item], 32, 32)).toThrow(problem);
    }
    expect(() => parseAugmentation(["crop", "resized-crop"], 32, 32)).toThrow("exclude each other");
  });

  it("cuts every window of the padded image, each as often as the others", () => {
    const seen = new Map<string, number>();
    for (let index = 0; index < 900; index++) {
      const window = augmentShape(image, { crop: { padding: 1 } }, shape, exampleRandom(0, 0, index));
      expect([window.height, window.width]).toEqual([8, 8]);
      const key = window.data.join();
      seen.set(key, (seen.get(key) ?? 0) + 1);
    }
    expect(seen.size).toBe(9);
    expect(seen.get(image.data.join())).toBeDefined();
    for (const count of seen.values()) expect(count).toBeGreaterThan(60);
  });

  it("cuts within an image that is larger, and takes the middle of one that is too small", () => {
    const inner = { height: 3, width: 3, filter: "bilinear" as const };
    for (let index = 0; index < 50; index++) {
      const window = augmentShape(image, { crop: { padding: 0 } }, inner, exampleRandom(0, 0, index));
      expect(window.data.includes(0)).toBe(false);
    }
    const outer = { height: 12, width: 12, filter: "bilinear" as const };
    const whole = augmentShape(image, { crop: { padding: 1 } }, outer, exampleRandom(0, 0, 0));
    expect(whole).toEqual(centerCrop(image, 12, 12));
  });

  it("mirrors with its probability", () => {
    const mirrored = flipHorizontal(image).data.join();
    let count = 0;
    for (let index = 0; index < 400; index++) {
      const result = augmentShape(image, { flip: 0.25 }, shape, exampleRandom(0, 0, index));
      if (result.data.join() === mirrored) count++;
      else expect(result).toEqual(image);
    }
    expect(count).toBeGreaterThan(70);
    expect(count).toBeLessThan(130);
  });

  it("resizes windows of a share of the area", () => {
    for (let index = 0; index < 50; index++) {
      const result = augmentShape(image, { resizedCrop: { smallest: 0.25 } }, shape, exampleRandom(0, 0, index));
      expect([result.height, result.width]).toEqual([8, 8]);
      // Never beyond the values that there are.
      expect(Math.min(...result.data)).toBeGreaterThanOrEqual(1);
      expect(Math.max(...result.data)).toBeLessThanOrEqual(64);
    }
  });

  it("jitters colours within bounds, in an order of its own, the same for the same numbers", () => {
    const results = Array.from({ length: 20 }, (_, index) =>
      augmentColor(color, { jitter: 0.4 }, exampleRandom(7, 1, index)).data.join(),
    );
    expect(new Set(results).size).toBe(20);
    expect(augmentColor(color, { jitter: 0.4 }, exampleRandom(7, 1, 3)).data.join()).toBe(results[3]);
    expect(augmentColor(color, {}, exampleRandom(7, 1, 3))).toBe(color);
  });
});
