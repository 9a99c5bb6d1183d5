import { describe, expect, it } from "vitest";
import { centerCrop, crop, flipHorizontal, fromInterleaved, makeImage, toChannels } from "../../../src/io/index.ts";

const counting = (channels: number, height: number, width: number) =>
  makeImage(
    channels,
    height,
    width,
    Uint8Array.from({ length: channels * height * width }, (_, i) => i + 1),
  );

describe("images", () => {
  it("are planar, whatever order the pixels come in", () => {
    const image = fromInterleaved(3, 1, 2, Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect([...image.data]).toEqual([1, 4, 2, 5, 3, 6]);
    expect(() => makeImage(3, 2, 2, new Uint8Array(11))).toThrow("shape [3, 2, 2] does not have 11 values");
  });

  it("repeat grey, and refuse other changes of channels", () => {
    expect([...toChannels(counting(1, 1, 2), 3).data]).toEqual([1, 2, 1, 2, 1, 2]);
    const color = counting(3, 1, 1);
    expect(toChannels(color, 3)).toBe(color);
    // Grey that was made colour comes back as it was.
    const grey = counting(1, 16, 15);
    expect(toChannels(toChannels(grey, 3), 1)).toEqual(grey);
    expect(() => toChannels(color, 4)).toThrow("3 channels cannot be made one of 4");
  });

  it("are cut at any place, with black where there is nothing", () => {
    const image = counting(1, 3, 4);
    expect([...crop(image, 1, 1, 2, 2).data]).toEqual([6, 7, 10, 11]);
    expect([...crop(image, -1, -1, 3, 3).data]).toEqual([0, 0, 0, 0, 1, 2, 0, 5, 6]);
    expect([...crop(image, 2, 3, 2, 2).data]).toEqual([12, 0, 0, 0]);
    expect([...crop(image, 5, 5, 1, 2).data]).toEqual([0, 0]);
    expect(crop(image, 0, 0, 3, 4)).toBe(image);
    expect([...crop(counting(2, 2, 2), 0, 1, 2, 1).data]).toEqual([2, 4, 6, 8]);
  });

  it("give their middle, towards the top and the left where it is between pixels", () => {
    expect([...centerCrop(counting(1, 4, 4), 2, 2).data]).toEqual([6, 7, 10, 11]);
    expect([...centerCrop(counting(1, 3, 4), 2, 1).data]).toEqual([2, 6]);
    expect([...centerCrop(counting(1, 1, 1), 2, 3).data]).toEqual([0, 0, 0, 0, 1, 0]);
  });

  it("are mirrored", () => {
    expect([...flipHorizontal(counting(2, 1, 3)).data]).toEqual([3, 2, 1, 6, 5, 4]);
    const image = counting(3, 4, 5);
    expect(flipHorizontal(flipHorizontal(image))).toEqual(image);
  });
});
