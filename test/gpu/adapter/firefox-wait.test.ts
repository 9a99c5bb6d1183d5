import { expect, it } from "vitest";
import { isFirefox, waitNudging } from "../../../src/gpu/adapter/firefox-wait.ts";

/** A device on which a promise is only told of when something is submitted, the `needed`-th time. */
function lazyDevice(needed: number) {
  let submits = 0;
  let tell!: (value: string) => void;
  const promise = new Promise<string>((resolve) => {
    tell = resolve;
  });
  const submit = (commands: Iterable<GPUCommandBuffer>): void => {
    expect([...commands]).toEqual([]);
    if (++submits === needed) tell("done");
  };
  return { device: { queue: { submit } } as unknown as GPUDevice, promise, submits: () => submits };
}

it("a wait in Firefox submits nothing again and again until it is told", async () => {
  for (const needed of [1, 2, 7]) {
    const { device, promise, submits } = lazyDevice(needed);
    expect(await waitNudging(device)(promise)).toBe("done");
    expect(submits()).toBe(needed);
  }
});

it("nothing is submitted for what is there already", async () => {
  const { device, submits } = lazyDevice(1);
  expect(await waitNudging(device)(Promise.resolve(3))).toBe(3);
  await expect(waitNudging(device)(Promise.reject(new Error("lost")))).rejects.toThrow("lost");
  expect(submits()).toBe(0);
});

it("ends with the promise's own error", async () => {
  const { device, submits } = lazyDevice(99);
  const late = new Promise((_, reject) => setTimeout(reject, 5, new Error("lost")));
  await expect(waitNudging(device)(late)).rejects.toThrow("lost");
  expect(submits()).toBeGreaterThan(0);
});

it("knows Firefox by its name", () => {
  expect(isFirefox("Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0")).toBe(true);
  expect(isFirefox("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36")).toBe(false);
  expect(isFirefox("")).toBe(false);
});
