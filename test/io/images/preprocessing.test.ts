import { describe, expect, it } from "vitest";
import {
  centerCrop,
  defaultPreprocessing,
  fitImage,
  makeImage,
  normalizeInto,
  parseConfigPreprocessing,
  parsePreprocessorConfig,
  resize,
  serializePreprocessing,
  toFloat,
  withImageSize,
} from "../../../src/io/index.ts";

const SHAPE = { channels: 3, height: 224, width: 224 };
const parse = (json: object, shape = SHAPE) => parsePreprocessorConfig(json, "preprocessor_config.json", shape);
const noise = (channels: number, height: number, width: number) =>
  makeImage(
    channels,
    height,
    width,
    Uint8Array.from({ length: channels * height * width }, (_, i) => (i * 37) % 251),
  );

describe("preprocessor_config.json", () => {
  it("of a ResNet on the Hub: a crop of 224 from 256, bicubic", () => {
    const json = {
      ...{ crop_pct: 0.875, do_normalize: true, do_resize: true, feature_extractor_type: "ConvNextFeatureExtractor" },
      ...{ image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225], resample: 3, size: 224 },
    };
    expect(parse(json)).toEqual({
      ...{ channels: 3, height: 224, width: 224, resize: { shortest: 256 }, filter: "bicubic" },
      ...{ mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225] },
    });
    const large = { ...json, size: { shortest_edge: 384 } };
    expect(parse(large)).toMatchObject({ height: 384, width: 384, resize: { height: 384, width: 384 } });
  });

  it("of other processors: a whole square, and a crop from a shorter side", () => {
    expect(parse({ size: { height: 32, width: 48 }, resample: 2, image_mean: 0.5, image_std: [0.25] })).toEqual({
      ...{ channels: 3, height: 32, width: 48, resize: { height: 32, width: 48 }, filter: "bilinear" },
      ...{ mean: [0.5, 0.5, 0.5], deviation: [0.25, 0.25, 0.25] },
    });
    const cropped = { size: { shortest_edge: 40 }, do_center_crop: true, crop_size: { height: 32, width: 30 } };
    expect(parse(cropped)).toMatchObject({ height: 32, width: 30, resize: { shortest: 40 } });
    expect(parse({ do_resize: false, do_normalize: false })).toMatchObject({
      ...{ height: 224, width: 224, resize: null, mean: [0, 0, 0], deviation: [1, 1, 1] },
    });
  });

  it.each([
    [{ resample: 5 }, '"resample" is 5, expected 2 (bilinear) or 3 (bicubic)'],
    [{ image_mean: [1, 2] }, '"image_mean" is [1,2], expected 3 numbers'],
    [{ image_std: [1, 0, 1] }, '"image_std" is [1,0,1], expected 3 positive numbers'],
    [{ size: "big" }, '"size" is "big", expected a size'],
    [{ do_resize: 1 }, '"do_resize" is 1, expected true or false'],
    [{ do_rescale: false }, "expected images to be rescaled by 1/255"],
  ])("refuses %j", (json, problem) => {
    expect(() => parse(json)).toThrow(`preprocessor_config.json: ${problem.startsWith('"') ? problem : ""}`);
    expect(() => parse(json)).toThrow(problem);
  });

  it("is written as it is read", () => {
    const shapes = [
      defaultPreprocessing(3, 32, 32),
      defaultPreprocessing(1, 28, 20),
      parse({ size: 224, crop_pct: 0.875, resample: 3 }),
      parse({ size: { height: 30, width: 40 } }),
      parse({ do_resize: false }),
    ];
    for (const one of shapes) {
      const again = JSON.parse(serializePreprocessing(one));
      expect(parsePreprocessorConfig(again, "again", { channels: one.channels, height: 1, width: 1 })).toEqual(one);
    }
  });
});

describe("config.json with mean, std and input", () => {
  const config = (json: object) =>
    parseConfigPreprocessing({ ...json }, "config.json", { ...SHAPE, height: 32, width: 32 });

  it("is read", () => {
    const mean = [0.485, 0.456, 0.406];
    const std = [0.229, 0.224, 0.225];
    expect(config({ mean, std, input: [3, 224, 224] })).toMatchObject({
      ...{ channels: 3, height: 224, width: 224, resize: { shortest: 224 }, filter: "bilinear" },
      ...{ mean, deviation: std },
    });
    expect(config({ mean, std })).toMatchObject({ height: 32, width: 32 });
  });

  it("is refused where it does not fit", () => {
    expect(() => config({ input: [224, 224] })).toThrow(
      'config.json: "input" is [224,224], expected [channels, height',
    );
    expect(() => config({ input: [1, 28, 28] })).toThrow("expected 3 channels, as the model has");
  });
});

describe("images", () => {
  it("are brought to size by the shorter side, and the middle is the input", () => {
    const preprocessing = { ...defaultPreprocessing(3, 8, 8), resize: { shortest: 10 } };
    const fitted = fitImage(noise(3, 20, 33), preprocessing);
    expect([fitted.height, fitted.width]).toEqual([10, 16]); // 16.5 is cut
    expect(fitted).toEqual(resize(noise(3, 20, 33), 10, 16));
    const upright = fitImage(noise(1, 30, 20), preprocessing);
    expect([upright.channels, upright.height, upright.width]).toEqual([3, 15, 10]);
    const middle = centerCrop(upright, 8, 8);
    expect(middle.data[0]).toBe(upright.data[3 * 10 + 1]);
    const whole = { ...preprocessing, resize: { height: 5, width: 7 } };
    expect(fitImage(noise(3, 9, 9), whole)).toEqual(resize(noise(3, 9, 9), 5, 7));
    expect(fitImage(noise(3, 9, 9), { ...preprocessing, resize: null })).toEqual(noise(3, 9, 9));
  });

  it("are normalised by channel", () => {
    const preprocessing = { ...defaultPreprocessing(3, 1, 1), mean: [0.1, 0.2, 0.3], deviation: [0.5, 1, 2] };
    const pixels = new Float32Array(7);
    normalizeInto(pixels, 2, toFloat(makeImage(3, 1, 1, Uint8Array.of(255, 51, 0))), preprocessing);
    [0, 0, 1.8, 0, -0.15, 0, 0].forEach((value, i) => {
      expect(pixels[i]).toBeCloseTo(value, 6);
    });
  });

  it("keep the share of the middle at another size", () => {
    expect(withImageSize(parse({ size: 224, crop_pct: 0.875 }), 56)).toMatchObject({
      ...{ height: 56, width: 56, resize: { shortest: 64 } },
    });
    expect(withImageSize(parse({ do_resize: false }), 8)).toMatchObject({ resize: { height: 8, width: 8 } });
  });
});
