import { describe, expect, it } from "vitest";
import { Kernel, type KernelVariant, ShaderCompileError } from "../../../src/gpu/index.ts";
import { asHardware, useGpu } from "../../support/gpu.ts";

const kernel = (name: string, body: string): KernelVariant =>
  new Kernel({
    name,
    source: `struct Params { value: u32, }
      @group(0) @binding(0) var<storage, read> x: array<u32>;
      @group(0) @binding(1) var<storage, read_write> y: array<u32>;
      @group(1) @binding(0) var<uniform> params: Params;
      @compute @workgroup_size(1) fn main() { ${body} }`,
    bindings: { x: "read", y: "read_write" },
    params: { value: "u32" },
  }).variant();

describe.each([
  ["the adapter", undefined],
  ["one that compiles when a pipeline is made", asHardware],
])("kernels compiled ahead on %s", (_name, make) => {
  const gpu = useGpu({}, make);

  it("are made once, run nothing, and are used when their time comes", async () => {
    const variants = [1, 2, 3].map((n) => kernel(`add ${n}`, `y[0] += x[0] + params.value * ${n}u;`));
    const { pipelinesCreated, dispatches } = gpu().statistics;
    await gpu().warmUp(variants);
    await gpu().warmUp(variants);
    expect(gpu().statistics).toMatchObject({ pipelinesCreated: pipelinesCreated + 3, dispatches });
    const [x, y] = [gpu().allocate(4, "x"), gpu().allocate(4, "y")];
    gpu().upload(x, 0, new Uint8Array(Uint32Array.of(100).buffer));
    gpu().upload(y, 0, new Uint8Array(Uint32Array.of(5).buffer));
    for (const variant of variants) {
      const bindings = [x, y].map((buffer) => ({ buffer, offset: 0, size: buffer.size }));
      gpu().dispatch(variant, bindings, { value: 10 }, [1, 1, 1]);
    }
    expect([...new Uint32Array((await gpu().read(y, 0, 4)).buffer)]).toEqual([5 + 3 * 100 + 10 * (1 + 2 + 3)]);
    expect(gpu().statistics.pipelinesCreated).toBe(pipelinesCreated + 3);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("that do not compile are reported when they are used, not before", async () => {
    const broken = kernel("broken", "y[0] = nothing;");
    await gpu().warmUp([broken]);
    await gpu().finish();
    const [x, y] = [gpu().allocate(4, "x"), gpu().allocate(4, "y")];
    const bindings = [x, y].map((buffer) => ({ buffer, offset: 0, size: buffer.size }));
    const use = async (): Promise<void> => {
      gpu().dispatch(broken, bindings, { value: 0 }, [1, 1, 1]);
      await gpu().finish();
    };
    await expect(use()).rejects.toThrow(ShaderCompileError);
    for (const buffer of [x, y]) gpu().free(buffer);
  });

  it("may be used before they are ready", async () => {
    const early = kernel("early", "y[0] = x[0];");
    const ready = gpu().warmUp([early]);
    const [x, y] = [gpu().allocate(4, "x"), gpu().allocate(4, "y")];
    const bindings = [x, y].map((buffer) => ({ buffer, offset: 0, size: buffer.size }));
    gpu().upload(x, 0, new Uint8Array(Uint32Array.of(7).buffer));
    gpu().dispatch(early, bindings, { value: 0 }, [1, 1, 1]);
    expect([...new Uint32Array((await gpu().read(y, 0, 4)).buffer)]).toEqual([7]);
    await ready;
    for (const buffer of [x, y]) gpu().free(buffer);
  });
});
