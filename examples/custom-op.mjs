// An op of your own: WGSL for the forward pass, a vector-Jacobian product for the backward pass, and `gradcheck` to see
// that they fit. Run it with `node examples/custom-op.mjs`.
import { backward, customOp, Gpu, gradcheck, mul, sub, sum, tanh, tensor, tidy } from "graft-gpu";

const gpu = await Gpu.open();
console.log(`Adapter: ${gpu.adapter.name}`);

/** tanhshrink: y = x − tanh x. */
const tanhShrink = customOp({
  name: "tanhShrink",
  wgsl: /* wgsl */ `
    struct Params { count: u32, xOffset: u32, yOffset: u32 }
    @group(0) @binding(0) var<storage, read> x: array<f32>;
    @group(0) @binding(1) var<storage, read_write> y: array<f32>;
    @group(1) @binding(0) var<uniform> params: Params;

    @compute @workgroup_size(64)
    fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
            @builtin(local_invocation_index) lane: u32) {
      let i = (group.y * groups.x + group.x) * 64 + lane;
      if (i < params.count) {
        let v = x[params.xOffset + i];
        y[params.yOffset + i] = v - tanh(v);
      }
    }`,
  inputs: ["x"],
  params: { count: "u32", xOffset: "u32", yOffset: "u32" },
  infer: ([x]) => x,
  launch: ([x]) => {
    const count = x.shape.reduce((size, length) => size * length, 1);
    return { params: { count }, workgroups: Math.ceil(count / 64) };
  },
  // d/dx (x − tanh x) = tanh² x, in differentiable ops: so the op can be differentiated any number of times.
  vjp: (gradient, [x]) => [
    () => {
      const t = tanh(x);
      return mul(gradient, mul(t, t));
    },
  ],
});

const x = tensor([-2, -0.5, 0.25, 1]);
const report = await gradcheck((v) => tanhShrink([v]), [x], { secondOrder: true });
console.log(
  `gradients agree with differences of the values: ${report.elements} elements, error ${report.error < 1e-3 ? "below" : "above"} 0.001`,
);

x.requiresGrad = true;
const target = tensor([0, 0, 0, 1]);
const [loss, gradients] = tidy(() => {
  const loss = sum(mul(sub(tanhShrink([x]), target), sub(tanhShrink([x]), target)));
  return [loss, backward(loss)];
});
console.log(`loss ${(await loss.item()).toFixed(4)}, gradient ${await gradients.get(x).print()}`);

gpu.close();
