import { describe, expect, it } from "vitest";
import {
  customOp,
  full,
  grad,
  gradcheck,
  mul,
  neg,
  normal,
  type Spec,
  slice,
  square,
  sub,
  sum,
  transpose,
} from "../../src/autograd/index.ts";
import { ShaderCompileError } from "../../src/gpu/index.ts";
import { type Tensor, tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu, withLimits } from "../support/gpu.ts";

/** y = scale · (a − b)³, with a vjp in differentiable ops. */
const makeCubicDifference = (name = "cubicDifference") =>
  customOp<{ scale: number }>({
    name,
    wgsl: `
struct Params { count: u32, aOffset: u32, bOffset: u32, yOffset: u32, scale: f32 }
@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> b: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * groups.x + group.x) * 64 + lane;
  if (i < params.count) {
    let d = a[params.aOffset + i] - b[params.bOffset + i];
    y[params.yOffset + i] = params.scale * d * d * d;
  }
}`,
    inputs: ["a", "b"],
    params: { count: "u32", aOffset: "u32", bOffset: "u32", yOffset: "u32", scale: "f32" },
    infer: ([a, b]) => {
      if (a.shape.join() !== b.shape.join()) throw new Error(`${name}: shapes [${a.shape}] and [${b.shape}] differ`);
      return a;
    },
    launch: ([a], _y, { scale }) => {
      const count = a.shape.reduce((n, length) => n * length, 1);
      return { params: { count, scale }, workgroups: Math.ceil(count / 64) };
    },
    vjp: (g, [a, b], { attributes: { scale } }) => {
      const slope = () => mul(mul(g, 3 * scale), square(sub(a, b)));
      return [slope, () => neg(slope())];
    },
  });

const squareParts = {
  name: "square",
  wgsl: `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < 2) { y[id.x] = x[id.x] * x[id.x]; }
}`,
  inputs: ["x"],
  infer: ([x]: readonly Spec[]) => x,
  launch: () => ({ workgroups: 1 }),
};

describe("customOp", () => {
  const gpu = useGpu();

  it("runs a user's shader on views and on more than 65,535 workgroups", async () => {
    const op = makeCubicDifference();
    const [a, b] = [
      tensor([
        [1, 2],
        [3, 4],
      ]),
      tensor([
        [0, 1],
        [1, 6],
      ]),
    ];
    const y = tidy(() => op([transpose(a), b], { scale: 2 }));
    expect([...(await y.data())]).toEqual([2, 16, 2, -16]);
    const many = 65_536 * 64 + 3;
    const [ones, zeros] = [full([many], 1), full([many], 0)];
    const large = op([ones, zeros], { scale: 1 });
    const total = sum(large);
    expect(await total.item()).toBe(many);
    for (const x of [a, b, y, ones, zeros, large, total]) x.dispose();
  });

  it("differentiates through the user's vjp, twice, and frees everything", async () => {
    const before = gpu().statistics.liveBuffers;
    const op = makeCubicDifference();
    const [a, b] = [normal([3, 5], { seed: 1 }), normal([3, 5], { seed: 2 })];
    const report = await gradcheck((p, q) => op([p, q], { scale: 0.5 }), [a, b], { secondOrder: true });
    expect(report.elements).toBe(60);
    expect(report.error).toBeLessThan(5e-4);
    a.dispose();
    b.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("copies a view that begins behind the front for a shader that is not told where", async () => {
    const double = customOp({
      name: "double",
      wgsl: `
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < 4) { y[id.x] = 2 * x[id.x]; }
}`,
      inputs: ["x"],
      infer: ([x]) => x,
      launch: () => ({ workgroups: 1 }),
    });
    const x = tensor([1, 2, 3, 4, 5, 6, 7, 8]);
    const y = tidy(() => double([slice(x, 0, 4, 8)]));
    expect([...(await y.data())]).toEqual([10, 12, 14, 16]);
    x.dispose();
    y.dispose();
  });

  it("names what a definition lacks, and what its functions give instead of what they should", () => {
    const parts = {
      name: "same",
      wgsl: "",
      inputs: ["x"],
      params: { count: "u32" as const },
      infer: ([x]: readonly Spec[]) => x,
      launch: () => ({ params: { count: 2 }, workgroups: 1 }),
      vjp: (g: Tensor) => [() => g],
    };
    expect(() => customOp({ ...parts, name: undefined as never })).toThrow(
      "expected name to be a string, got undefined",
    );
    expect(() => customOp({ ...parts, inputs: [] })).toThrow('customOp "same": expected inputs to be a list of names');
    expect(() => customOp({ ...parts, launch: undefined as never })).toThrow("expected launch to be a function");
    tidy(() => {
      const x = tensor([1, 2]);
      const call = (more: object) => () => customOp({ ...parts, ...more })([x]);
      expect(() => customOp(parts)(x as never)).toThrow("same: expected an array of tensors, got a tensor");
      expect(call({ infer: () => undefined })).toThrow("same: infer gives undefined, expected { shape, dtype }");
      expect(call({ infer: () => ({ shape: [-1], dtype: "f32" }) })).toThrow(
        "same: shape [-1] has a length that is not",
      );
      expect(call({ infer: () => ({ shape: [2], dtype: "f64" }) })).toThrow('same: unknown type "f64"');
      expect(call({ launch: () => ({ params: { count: 2 }, workgroups: Number.NaN }) })).toThrow(
        "same: expected workgroups to be a whole number or three of up to 65535, got null",
      );
      expect(call({ launch: () => ({ params: { count: 2 }, workgroups: [70000, 1, 1] }) })).toThrow("[70000,1,1]");
      expect(call({ launch: () => ({ params: { count: 2, size: 1 }, workgroups: 1 }) })).toThrow(
        'same: launch gives a parameter "size"; declared are count',
      );
    });
  });

  it("checks what a vjp gives", () => {
    const make = (vjp: unknown) => customOp({ ...squareParts, vjp: vjp as never });
    tidy(() => {
      const x = tensor([1, 2]);
      const run = (vjp: unknown) => () => grad((v) => sum(make(vjp)([v])), [x]);
      expect(run(() => [])).toThrow("square: vjp must give a function or null for each of x, got 0 of them");
      expect(run((g: Tensor) => [g])).toThrow("square: vjp gives a tensor for x, expected a function or null");
      expect(run(() => [() => 3])).toThrow("square: the gradient of x is the number 3, expected a tensor");
      expect(run(() => [() => tensor([1])])).toThrow("square: the gradient of x is f32[1], expected f32[2]");
    });
  });

  it("has a result without gradient when it has no vjp", () => {
    const op = customOp({
      name: "zero",
      wgsl: "@group(0) @binding(0) var<storage, read> x: array<f32>;\n@group(0) @binding(1) var<storage, read_write> y: array<f32>;\n@compute @workgroup_size(1) fn main() { y[0] = 0 * x[0]; }",
      inputs: ["x"],
      infer: () => ({ shape: [], dtype: "f32" }),
      launch: () => ({ workgroups: 1 }),
    });
    const x = tensor([1]);
    x.requiresGrad = true;
    const y = op([x]);
    expect(y.node).toBeNull();
    x.dispose();
    y.dispose();
  });

  it("may be made again under its name, with another shader", async () => {
    const source = (factor: number) => `
struct Params { xOffset: u32, yOffset: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(1) fn main() { y[params.yOffset] = ${factor} * x[params.xOffset]; }`;
    const make = (factor: number) =>
      customOp({
        name: "same",
        wgsl: source(factor),
        inputs: ["x"],
        params: { xOffset: "u32", yOffset: "u32" },
        infer: ([x]) => x,
        launch: () => ({ workgroups: 1 }),
      });
    const x = tensor([5]);
    const results = [make(2)([x]), make(3)([x])];
    expect(await Promise.all(results.map((y) => y.item()))).toEqual([10, 15]);
    for (const tensor of [x, ...results]) tensor.dispose();
  });

  it("says what is wrong: inputs, shapes, a shader that does not compile", async () => {
    const op = makeCubicDifference();
    const [a, b] = [tensor([1, 2]), tensor([1, 2, 3])];
    expect(() => op([a], { scale: 1 })).toThrow("cubicDifference: expected 2 inputs (a, b), got 1");
    expect(() => op([a, b], { scale: 1 })).toThrow("cubicDifference: shapes [2] and [3] differ");
    const broken = customOp({
      name: "broken",
      wgsl: "@compute @workgroup_size(1) fn main() { nonsense }",
      inputs: ["x"],
      infer: ([x]) => x,
      launch: () => ({ workgroups: 1 }),
    });
    const y = broken([a]);
    await expect(y.data()).rejects.toThrow(ShaderCompileError);
    for (const x of [a, b, y]) x.dispose();
  });
});

describe("customOp over the binding limit", () => {
  const gpu = useGpu({}, withLimits({ maxStorageBufferBindingSize: 65536 }));
  it("is refused by name before anything is recorded", () => {
    const [a, b] = [full([20_000], 1), full([20_000], 1)];
    const { dispatches } = gpu().statistics;
    expect(() => makeCubicDifference()([a, b], { scale: 1 })).toThrow(/^cubicDifference: a tensor of shape \[20000\]/);
    expect(gpu().statistics.dispatches).toBe(dispatches);
    a.dispose();
    b.dispose();
  });
});
