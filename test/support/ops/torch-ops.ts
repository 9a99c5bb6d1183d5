import * as api from "../../../src/autograd/index.ts";
import type { Tensor } from "../../../src/tensor/index.ts";
import type { OracleAttributes } from "./oracle-ops.ts";

type Inputs = Readonly<Record<string, Tensor>>;
type TorchOp = (inputs: Inputs, attributes: OracleAttributes) => Tensor | readonly Tensor[];

const numberOf = (value: number | string): number => {
  if (value === "inf") return Number.POSITIVE_INFINITY;
  return value === "-inf" ? Number.NEGATIVE_INFINITY : Number(value);
};
/** PyTorch's None is an absent argument. */
const given = <T>(value: T | null | undefined): T | undefined => value ?? undefined;

const reduction =
  (reduce: (x: Tensor, axes?: number, keepDimensions?: boolean) => Tensor): TorchOp =>
  ({ x }, { dim, keepdim }) =>
    reduce(x, given(dim), keepdim);

const unary =
  (compute: (x: Tensor) => Tensor): TorchOp =>
  ({ x }) =>
    compute(x);
const binary =
  (compute: (a: Tensor, b: Tensor) => Tensor): TorchOp =>
  ({ a, b }) =>
    compute(a, b);

/** Basic slicing: [begin, end, step] of each axis, null where it is left out; negative places count from the end. */
function slices(x: Tensor, spec: readonly (readonly (number | null)[])[]): Tensor {
  return spec.reduce((current, [begin, end, step], axis) => {
    const length = current.shape[axis];
    const place = (at: number | null, otherwise: number): number => {
      if (at === null) return otherwise;
      return Math.min(Math.max(at < 0 ? at + length : at, 0), length);
    };
    return api.slice(current, axis, place(begin, 0), place(end, length), step ?? 1);
  }, x);
}

/** F.pad names the last axis first. */
function padWidths(rank: number, pairs: readonly number[]): [number, number][] {
  return Array.from({ length: rank }, (_, axis) => {
    const at = 2 * (rank - 1 - axis);
    return [pairs[at] ?? 0, pairs[at + 1] ?? 0];
  });
}

const convolutionOptions = ({ stride, padding, dilation, groups }: OracleAttributes) => ({
  stride,
  padding,
  dilation,
  groups,
});

const maxPoolOptions = ({ stride, padding, dilation, ceil_mode }: OracleAttributes) => ({
  stride: given(stride),
  padding,
  dilation: given(dilation),
  ceilMode: given(ceil_mode),
});

const averagePoolOptions = ({ stride, padding, ceil_mode, count_include_pad }: OracleAttributes) => ({
  stride: given(stride),
  padding,
  ceilMode: given(ceil_mode),
  countIncludePad: given(count_include_pad),
});

const LAST_TWO = (x: Tensor): Tensor => api.transpose(x, -2, -1);

/** PyTorch's operators in our ops. */
export const torchOps: Readonly<Record<string, TorchOp>> = {
  add: binary(api.add),
  sub: binary(api.sub),
  mul: binary(api.mul),
  div: binary(api.div),
  maximum: binary(api.maximum),
  minimum: binary(api.minimum),
  pow: binary(api.pow),
  greater: binary(api.greater),
  equal: binary(api.equal),
  rsub_scalar: ({ x }, { value }) => api.sub(value, x),
  rdiv_scalar: ({ x }, { value }) => api.div(value, x),
  addcmul: ({ a, b, c }, { value }) => api.add(a, api.mul(api.mul(value, b), c)),
  pow_scalar: ({ x }, { exponent }) => api.pow(x, exponent),

  exp: unary(api.exp),
  log: unary(api.log),
  sqrt: unary(api.sqrt),
  rsqrt: unary(api.rsqrt),
  reciprocal: unary(api.reciprocal),
  abs: unary(api.abs),
  neg: unary(api.neg),
  sign: unary(api.sign),
  floor: unary(api.floor),
  round: unary(api.round),
  isnan: unary(api.isNaN),
  square: unary(api.square),
  erf: unary(api.erf),
  clamp: ({ x }, { min, max }) => api.clamp(x, min, max),

  relu: unary(api.relu),
  sigmoid: unary(api.sigmoid),
  tanh: unary(api.tanh),
  silu: unary(api.silu),
  leaky_relu: ({ x }, { negative_slope }) => api.leakyRelu(x, negative_slope),
  gelu: ({ x }, { approximate }) => api.gelu(x, { approximate }),
  softplus: ({ x }, { beta, threshold }) => api.softplus(x, { beta, threshold }),
  elu: ({ x }, { alpha }) => api.elu(x, alpha),

  sum: reduction(api.sum),
  mean: reduction(api.mean),
  prod: reduction(api.prod),
  amax: reduction(api.max),
  amin: reduction(api.min),
  logsumexp: reduction(api.logsumexp),
  argmax: reduction(api.argmax),
  argmin: reduction(api.argmin),
  var: ({ x }, { dim, correction, keepdim }) => api.variance(x, given(dim), { correction, keepDimensions: keepdim }),
  std: ({ x }, { dim, correction, keepdim }) => api.std(x, given(dim), { correction, keepDimensions: keepdim }),
  norm: ({ x }, { ord, dim, keepdim }) =>
    api.norm(x, { order: numberOf(ord), axes: given(dim), keepDimensions: keepdim }),
  cumsum: ({ x }, { dim }) => api.cumsum(x, dim),
  topk: ({ x }, { k, dim, largest }) => {
    const { values, indices } = api.topK(x, k, { axis: dim, largest });
    return [values, indices];
  },
  sort: ({ x }, { dim, descending }) => {
    const { values, indices } = api.sort(x, { axis: dim, descending });
    return [values, indices];
  },

  matmul: binary(api.matmul),
  matmul_t: ({ a, b }, { ta, tb }) => api.matmul(ta ? LAST_TWO(a) : a, tb ? LAST_TWO(b) : b),
  linear: ({ x, w, b }) => api.linear(x, w, b, "out-in"),
  einsum: ({ a, b, c }, { equation }) => api.einsum(equation, ...[a, b, c].filter(Boolean)),
  scaled_dot_product_attention: ({ q, k, v, mask }, { is_causal, scale }) =>
    api.scaledDotProductAttention(q, k, v, {
      causal: is_causal,
      scale: given(scale),
      ...(mask && (mask.dtype === "bool" ? { mask } : { bias: mask })),
    }),

  slice: ({ x }, { spec }) => slices(x, spec),
  flip: ({ x }, { dims }) => api.flip(x, dims),
  pad: ({ x }, { pad, mode, value }) => {
    const ours = mode === "replicate" ? "edge" : (mode as "constant" | "reflect");
    return api.pad(x, padWidths(x.rank, pad), { mode: ours, value: given(value) });
  },
  cat: ({ a, b, c }, { dim }) => api.concat([a, b, c].filter(Boolean), dim),
  stack: ({ a, b, c }, { dim }) => api.stack([a, b, c].filter(Boolean), dim),
  split: ({ x }, { sizes, dim }) => api.split(x, sizes, dim),
  chunk: ({ x }, { chunks, dim }) => api.split(x, Math.ceil(x.shape.at(dim)! / chunks), dim),
  permute: ({ x }, { dims }) => api.permute(x, dims),
  permute_reshape: ({ x }, { dims, shape }) => api.reshape(api.permute(x, dims), shape),
  expand: ({ x }, { shape }) => api.expand(x, shape),
  repeat: ({ x }, { repeats }) => api.tile(x, repeats),
  roll: ({ x }, { shifts, dims }) => api.roll(x, shifts, given(dims)),
  tril: ({ x }, { diagonal }) => api.tril(x, diagonal),
  triu: ({ x }, { diagonal }) => api.triu(x, diagonal),
  squeeze: ({ x }, { dim }) => api.squeeze(x, given(dim)),
  unsqueeze: ({ x }, { dim }) => api.unsqueeze(x, dim),

  embedding: ({ w, indices }, { padding_idx }) => api.embedding(w, indices, { paddingIndex: given(padding_idx) }),
  gather: ({ x, indices }, { dim }) => api.gather(x, dim, indices),
  scatter: ({ x, indices, src }, { dim }) => api.scatter(x, dim, indices, src),
  scatter_add: ({ x, indices, src }, { dim }) => api.scatterAdd(x, dim, indices, src),
  index_select: ({ x, indices }, { dim }) => api.indexSelect(x, dim, indices),
  where: ({ mask, x, y }) => api.where(mask, x, y),
  masked_fill: ({ x, mask }, { value }) => api.maskedFill(x, mask, value),

  conv1d: ({ x, w, b }, attributes) => api.conv1d(x, w, b, convolutionOptions(attributes)),
  conv2d: ({ x, w, b }, attributes) => api.conv2d(x, w, b, convolutionOptions(attributes)),
  conv_transpose2d: ({ x, w, b }, attributes) =>
    api.convTranspose2d(x, w, b, {
      ...convolutionOptions(attributes),
      outputPadding: given(attributes.output_padding),
    }),

  max_pool1d: ({ x }, attributes) => api.maxPool1d(x, attributes.kernel_size, maxPoolOptions(attributes)),
  max_pool2d: ({ x }, attributes) => api.maxPool2d(x, attributes.kernel_size, maxPoolOptions(attributes)),
  avg_pool1d: ({ x }, attributes) => api.averagePool1d(x, attributes.kernel_size, averagePoolOptions(attributes)),
  avg_pool2d: ({ x }, attributes) => api.averagePool2d(x, attributes.kernel_size, averagePoolOptions(attributes)),
  adaptive_avg_pool2d: ({ x }, { output_size }) => api.adaptiveAveragePool2d(x, output_size),
  adaptive_max_pool2d: ({ x }, { output_size }) => api.adaptiveMaxPool2d(x, output_size),

  layer_norm: ({ x, w, b }, { normalized_shape, eps }) =>
    api.layerNorm(x, w, b, { epsilon: eps, normalizedShape: normalized_shape }),
  rms_norm: ({ x, w }, { normalized_shape, eps }) =>
    api.rmsNorm(x, w, { epsilon: eps, normalizedShape: normalized_shape }),
  group_norm: ({ x, w, b }, { num_groups, eps }) => api.groupNorm(x, num_groups, w, b, eps),
  batch_norm_train: ({ x, w, b, running_mean, running_var }, { momentum, eps }) => {
    const statistics = { runningMean: running_mean, runningVariance: running_var };
    const y = api.batchNorm(x, { weight: w, bias: b, ...statistics, training: true, momentum, epsilon: eps });
    return [y, running_mean, running_var];
  },
  batch_norm_eval: ({ x, w, b, running_mean, running_var }, { eps }) => {
    const statistics = { runningMean: running_mean, runningVariance: running_var };
    return api.batchNorm(x, { weight: w, bias: b, ...statistics, training: false, epsilon: eps });
  },

  softmax: ({ x }, { dim }) => api.softmax(x, dim),
  log_softmax: ({ x }, { dim }) => api.logSoftmax(x, dim),
  cross_entropy: ({ x, target }, { ignore_index, reduction, label_smoothing }) =>
    api.crossEntropy(x, target, { ignoreIndex: ignore_index, reduction, labelSmoothing: label_smoothing }),
  mse_loss: ({ x, y }, { reduction }) => api.meanSquaredError(x, y, { reduction }),
  binary_cross_entropy_with_logits: ({ x, y }, { reduction }) => api.binaryCrossEntropyWithLogits(x, y, { reduction }),
};
