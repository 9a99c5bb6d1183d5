import { afterAll, expect } from "vitest";
import { commands } from "vitest/browser";

/** Runs before each test file in a browser. */

declare module "vitest/browser" {
  interface BrowserCommands {
    takeConsoleAlarms(): Promise<string[]>;
  }
}

/**
 * What browsers commonly offer and WebGPU guarantees. SwiftShader offers 1 GiB, so its adapter is made to say, and to
 * give, no more than these.
 */
const LIMITS: Readonly<Record<string, number>> = {
  maxStorageBufferBindingSize: 128 * 2 ** 20,
  maxBufferSize: 256 * 2 ** 20,
};

const { get: readLimits } = Object.getOwnPropertyDescriptor(GPUAdapter.prototype, "limits")!;
Object.defineProperty(GPUAdapter.prototype, "limits", {
  get(this: GPUAdapter) {
    const limits = readLimits!.call(this) as GPUSupportedLimits;
    return new Proxy(limits, {
      get: (target, name: string) => LIMITS[name] ?? Reflect.get(target, name, target),
    });
  },
});

const { requestDevice } = GPUAdapter.prototype;
GPUAdapter.prototype.requestDevice = async function (descriptor) {
  const device = await requestDevice.call(this, descriptor);
  for (const [name, most] of Object.entries(LIMITS)) {
    const has = device.limits[name as keyof GPUSupportedLimits] as number;
    if (has !== most) throw new Error(`a device of these tests has ${name} ${has}, expected ${most}`);
  }
  return device;
};

await commands.takeConsoleAlarms();

afterAll(async () => {
  expect(await commands.takeConsoleAlarms(), "the console").toEqual([]);
});
