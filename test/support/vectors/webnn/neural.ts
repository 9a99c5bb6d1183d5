import * as api from "../../../../src/autograd/index.ts";
import type { Tensor } from "../../../../src/tensor/index.ts";
import { allAxes } from "../compose.ts";
import type { Implementation, Node, OperatorTable } from "../node.ts";
import { resampleAxis } from "../resample.ts";
import { convolve, convolveTransposed, type PoolKind, pool, type WindowAxis } from "../windows.ts";

const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];

/** Runs `work` on the input as [N, C, H, W], whatever its layout. */
function inNchw(node: Node, layout: string, work: (x: Tensor) => Tensor): Tensor {
  const x = node.input("input");
  return layout === "nhwc" ? api.permute(work(api.permute(x, TO_NCHW)), TO_NHWC) : work(x);
}

/** A filter as the convolutions here want it, by the letters of its layout. */
const filterAs = (filter: Tensor, layout: string, wanted: string): Tensor =>
  layout === wanted
    ? filter
    : api.permute(
        filter,
        [...wanted].map((letter) => layout.indexOf(letter)),
      );

/** Two spatial axes of a node: padding is [top, bottom, left, right]. */
function axesOf(node: Node, kernel: readonly number[], sizes?: readonly number[]): WindowAxis[] {
  const padding = node.numbers("padding") ?? [0, 0, 0, 0];
  const [strides, dilations] = [node.numbers("strides") ?? [1, 1], node.numbers("dilations") ?? [1, 1]];
  return [0, 1].map((i) => ({
    kernel: kernel[i],
    stride: strides[i],
    dilation: dilations[i],
    before: padding[2 * i],
    after: padding[2 * i + 1],
    size: sizes?.[i],
  }));
}

const pooling =
  (kind: PoolKind): Implementation =>
  (node) =>
    inNchw(node, node.text("layout", "nchw"), (x) => {
      const axes = axesOf(node, node.numbers("windowDimensions") ?? x.shape.slice(2), node.numbers("outputSizes"));
      const rounding = node.text("roundingType", node.text("outputShapeRounding", "floor"));
      return pool(x, kind, axes, { ceil: rounding === "ceil" });
    });

/** (x − mean) / √(variance + ε) over some axes, then scaled and shifted along others. */
function normalize(x: Tensor, over: readonly number[], epsilon: number, scale?: Tensor, bias?: Tensor): Tensor {
  const centred = api.sub(x, api.mean(x, over, true));
  const variance = api.mean(api.square(centred), over, true);
  const y = api.div(centred, api.sqrt(api.add(variance, epsilon)));
  const scaled = scale ? api.mul(y, scale) : y;
  return bias ? api.add(scaled, bias) : scaled;
}

/** Parameters whose axes are those of `axes`, in that order, so that they broadcast against x. */
function along(parameter: Tensor | undefined, x: Tensor, axes: readonly number[]): Tensor | undefined {
  if (!parameter) return undefined;
  const order = axes.map((_, i) => i).sort((i, k) => axes[i] - axes[k]);
  const sorted = api.permute(parameter, order);
  return api.reshape(
    sorted,
    allAxes(x).map((axis) => (axes.includes(axis) ? x.shape[axis] : 1)),
  );
}

export const neural: OperatorTable = {
  conv2d: (node) =>
    inNchw(node, node.text("inputLayout", "nchw"), (x) => {
      const filter = filterAs(node.input("filter"), node.text("filterLayout", "oihw"), "oihw");
      return convolve(x, filter, node.optional("bias"), axesOf(node, filter.shape.slice(2)), node.number("groups", 1));
    }),
  convTranspose2d: (node) =>
    inNchw(node, node.text("inputLayout", "nchw"), (x) => {
      const filter = filterAs(node.input("filter"), node.text("filterLayout", "iohw"), "iohw");
      const extra = node.numbers("outputPadding") ?? [0, 0];
      const axes = axesOf(node, filter.shape.slice(2)).map((axis, i) => {
        const full = (x.shape[2 + i] - 1) * axis.stride + (axis.kernel - 1) * axis.dilation + 1;
        return { ...axis, size: node.numbers("outputSizes")?.[i] ?? full - axis.before - axis.after + extra[i] };
      });
      return convolveTransposed(x, filter, node.optional("bias"), axes, node.number("groups", 1));
    }),
  averagePool2d: pooling("average"),
  maxPool2d: pooling("max"),
  l2Pool2d: pooling("l2"),

  batchNormalization: (node) => {
    const x = node.input("input");
    const axis = node.number("axis", 1);
    const front = allAxes(x).filter((other) => other !== axis && other !== 0);
    const order = axis === 0 ? [] : [0, axis, ...front];
    const options = {
      weight: node.optional("scale"),
      bias: node.optional("bias"),
      runningMean: node.input("mean"),
      runningVariance: node.input("variance"),
      epsilon: node.number("epsilon", 1e-5),
    };
    // Our channels are axis 1; along axis 0 the batch is of one.
    if (axis === 0) return api.squeeze(api.batchNorm(api.unsqueeze(x, 0), options), [0]);
    const y = api.batchNorm(api.permute(x, order), options);
    return api.permute(
      y,
      allAxes(x).map((to) => order.indexOf(to)),
    );
  },
  instanceNormalization: (node) =>
    inNchw(node, node.text("layout", "nchw"), (x) =>
      api.instanceNorm(x, node.optional("scale"), node.optional("bias"), node.number("epsilon", 1e-5)),
    ),
  layerNormalization: (node) => {
    const x = node.input("input");
    const axes = node.numbers("axes") ?? allAxes(x).slice(1);
    const epsilon = node.number("epsilon", 1e-5);
    const [scale, bias] = [node.optional("scale"), node.optional("bias")];
    const isTrailing = axes.every((axis, i) => axis === x.rank - axes.length + i);
    if (isTrailing && axes.length > 0) {
      return api.layerNorm(x, scale, bias, { epsilon, normalizedShape: axes.map((axis) => x.shape[axis]) });
    }
    return normalize(x, axes, epsilon, along(scale, x, axes), along(bias, x, axes));
  },

  matmul: (node) => api.matmul(node.input("a"), node.input("b")),
  gemm: (node) => {
    const a = node.flag("aTranspose", false) ? api.transpose(node.input("a"), 0, 1) : node.input("a");
    const b = node.flag("bTranspose", false) ? api.transpose(node.input("b"), 0, 1) : node.input("b");
    const product = api.mul(api.matmul(a, b), node.number("alpha", 1));
    const c = node.optional("c");
    return c ? api.add(product, api.mul(c, node.number("beta", 1))) : product;
  },

  resample2d: (node) => {
    const x = node.input("input");
    const axes = node.numbers("axes") ?? [2, 3];
    const sizes = node.numbers("sizes");
    const scales = node.numbers("scales") ?? [1, 1];
    const mode = node.text("mode", "nearest-neighbor") === "linear" ? "linear" : "nearest";
    const lengths = axes.map((axis) => x.shape[axis]);
    const wanted = sizes ?? lengths.map((length, i) => Math.floor(length * scales[i]));
    const factors = wanted.map((size, i) => (sizes ? size / lengths[i] : scales[i]));
    const isOurs =
      x.rank === 4 && axes[0] === 2 && axes[1] === 3 && wanted.every((size, i) => size === lengths[i] * factors[i]);
    if (isOurs && (mode === "linear" || factors.every(Number.isInteger))) {
      return api.interpolate(x, { size: [wanted[0], wanted[1]], mode: mode === "linear" ? "bilinear" : "nearest" });
    }
    return axes.reduce((current, axis, i) => {
      const place = (output: number) => (output + 0.5) / factors[i] - 0.5;
      // Halves go down.
      return resampleAxis(current, { axis, size: wanted[i], mode, place, round: (at) => Math.ceil(at - 0.5) });
    }, x);
  },
};
