import { expect, it } from "vitest";
import { describeAdapter } from "../../../src/gpu/adapter/adapter.ts";
import { DryGpu } from "../../../src/gpu/dry-gpu.ts";
import { Gpu } from "../../../src/gpu/index.ts";
import { useGpu } from "../../support/gpu.ts";

const NAMELESS = { vendor: "", architecture: "", device: "", description: "", subgroupMinSize: 4, subgroupMaxSize: 8 };
const infoOf = (more: Partial<GPUAdapterInfo>) => ({ ...NAMELESS, ...more }) as GPUAdapterInfo;

it.each([
  [
    { description: "llvmpipe: Mesa 25", isFallbackAdapter: true },
    "lavapipe",
    true,
    "lavapipe (software, llvmpipe: Mesa 25)",
  ],
  [
    { vendor: "google", architecture: "swiftshader" },
    "swiftshader",
    true,
    "SwiftShader (software, google swiftshader)",
  ],
  [{ vendor: "nvidia", isFallbackAdapter: false }, "nvidia", false, "nvidia"],
  // As Firefox says it, which names none.
  [{ isFallbackAdapter: true }, "software", true, "software adapter"],
  [{ isFallbackAdapter: false }, "unknown", false, "unnamed adapter"],
  [
    { description: "Microsoft Basic Render Driver", isFallbackAdapter: true },
    "software",
    true,
    "Microsoft Basic Render Driver",
  ],
])("%o is of class %s", (info, className, isSoftware, name) => {
  expect(describeAdapter(infoOf(info))).toMatchObject({ class: className, isSoftware, name });
});

const nameless = useGpu({}, (device) => new Gpu(device, infoOf({ isFallbackAdapter: true })));

it("a rehearsal is of the class of what it rehearses", () => {
  expect(nameless().adapter.class).toBe("software");
  expect(new DryGpu(nameless()).adapter).toEqual(nameless().adapter);
});
