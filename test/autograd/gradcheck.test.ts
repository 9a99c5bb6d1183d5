import { describe, expect, it } from "vitest";
import {
  averagePool2d,
  backward,
  checkpoint,
  customOp,
  detach,
  exp,
  GradcheckError,
  grad,
  gradcheck,
  layerNorm,
  linear,
  mul,
  normal,
  square,
  sum,
  tanh,
  valueAndGrad,
} from "../../src/autograd/index.ts";
import { tensor, tidy } from "../../src/tensor/index.ts";
import { useGpu } from "../support/gpu.ts";

const gpu = useGpu();

describe("gradcheck", () => {
  it("passes what is right, in first and second order, and leaves nothing behind", async () => {
    const before = gpu().statistics.liveBuffers;
    const inputs = [[3, 4], [4, 5], [5], [5]].map((shape, i) => normal(shape, { seed: i + 1 }));
    const model = (x = inputs[0], w = inputs[1], b = inputs[2], scale = inputs[3]) =>
      layerNorm(tanh(linear(x, w, b)), scale, b);
    const report = await gradcheck(model, inputs, { secondOrder: true });
    expect(report.elements).toBe(2 * (12 + 20 + 5 + 5));
    expect(report.error).toBeLessThan(2e-3);
    for (const x of inputs) x.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("checks the second order of a linear function by its cotangent", async () => {
    const x = normal([1, 1, 3, 4], { seed: 1 });
    const report = await gradcheck((v) => averagePool2d(v, 2), [x], { secondOrder: true });
    expect([report.elements, report.error < 1e-3]).toEqual([24, true]);
    x.dispose();
  });

  it("names the input and the element of a wrong gradient", async () => {
    const wrong = customOp({
      name: "wrong",
      wgsl: `
struct Params { count: u32, xOffset: u32, yOffset: u32 }
@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;
@compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < params.count) { y[params.yOffset + id.x] = 2 * x[params.xOffset + id.x]; }
}`,
      inputs: ["x"],
      params: { count: "u32", xOffset: "u32", yOffset: "u32" },
      infer: ([x]) => x,
      launch: ([x]) => ({ params: { count: x.shape[0] }, workgroups: 1 }),
      vjp: (g) => [() => mul(g, 2.1)],
    });
    const x = tensor([1, 2, 3]);
    const failure = gradcheck((v) => wrong([v]), [x]);
    await expect(failure).rejects.toThrow(GradcheckError);
    await expect(failure).rejects.toThrow(
      /input 0 of shape \[3\], element 0: backward gives 1\.0(5|4999)\d*, differences give (1|0\.9999)/,
    );
    x.dispose();
  });

  it("refuses a function without gradients", async () => {
    const x = tensor([1, 2]);
    await expect(gradcheck((v) => detach(v), [x])).rejects.toThrow(/depends on no input/);
    const ids = tensor(Int32Array.of(1, 2));
    await expect(gradcheck((v) => v, [ids])).rejects.toThrow(GradcheckError);
    await expect(gradcheck(() => 3 as never, [x])).rejects.toThrow(
      "the function gives the number 3, expected a tensor",
    );
    await expect(gradcheck((v) => v, 3 as never)).rejects.toThrow(
      "gradcheck: expected an array of tensors, got the number",
    );
    x.dispose();
    ids.dispose();
  });
});

describe("valueAndGrad and detach", () => {
  it("name what they cannot differentiate", () => {
    tidy(() => {
      const x = tensor([1, 2]);
      expect(() => valueAndGrad(square, [x])).toThrow(
        "valueAndGrad: the function gives a tensor of shape [2], expected",
      );
      expect(() => grad(() => sum(tensor([1])), [x])).toThrow("grad: the function's result depends on no input");
      expect(() => grad(() => 3 as never, [x])).toThrow("grad: the function gives the number 3, expected a tensor");
      expect(() => grad((v) => sum(v), [3 as never])).toThrow("grad: the input is the number 3, expected a tensor");
      expect(() => backward(3 as never)).toThrow("backward: the input is the number 3, expected a tensor");
      expect(() => checkpoint(square, x as never)).toThrow("checkpoint: expected an array of tensors, got a tensor");
    });
  });

  it("give the value with the gradients from one pass", async () => {
    const before = gpu().statistics.liveBuffers;
    const [a, b] = [tensor([1, 2]), tensor([3, 4])];
    const { value, gradients } = valueAndGrad((x, y) => sum(mul(square(x), y)), [a, b]);
    expect(await value.item()).toBe(19);
    expect(value.node).toBeNull();
    expect([...(await gradients[0]!.data())]).toEqual([6, 16]);
    expect([...(await gradients[1]!.data())]).toEqual([1, 4]);
    for (const x of [a, b, value, ...gradients]) x!.dispose();
    expect(gpu().statistics.liveBuffers).toBe(before);
  });

  it("stop the gradient at a detached tensor", async () => {
    const x = tensor([0.5, 2]);
    const { value, gradients } = valueAndGrad((v) => sum(tidy(() => mul(v, detach(exp(v))))), [x]);
    const values = await gradients[0]!.data();
    expect([...values]).toEqual([0.5, 2].map((v) => expect.closeTo(Math.exp(v), 4)));
    for (const t of [x, value, ...gradients]) t!.dispose();
  });
});
