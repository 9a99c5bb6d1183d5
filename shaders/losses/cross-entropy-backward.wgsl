// Gradient of the cross-entropy by a window of logits: columns first … first + columns - 1. With probabilities
// p = exp(x - max x - log(sum(exp(x - max x)))), label l, weights w, their sum W, smoothing s and C classes,
//   y[c] = (((1 - s) w[l] + s W / C) p[c] - (1 - s) w[l] [c = l] - s w[c] / C) * g,
// 0 where the label is ignored and NaN where it is no class. The logits are overwritten, or read from elsewhere.
// RUN classes of a row an invocation.
const RUN: u32 = 1u; // spec: 16u

struct Params {
  count: u32, // rows * runs
  runs: u32, // of classes, in a row
  columns: u32,
  first: u32, // class of column 0
  ignoreIndex: i32,
  inner: u32, // row = outer * inner + place; a run is (outer * runs + run) * inner + place
  outerStride: u32, // of the logits
  innerStride: u32,
  classStride: u32,
  yOuterStride: u32, // of the gradient
  yInnerStride: u32,
  yClassStride: u32,
  gStride: u32, // 0 when one gradient is for all rows
  isMean: u32, // g is divided by the sum of the rows' weights
  hasWeight: u32,
  classes: f32,
  smoothing: f32,
  invalid: f32, // NaN
  stateOffset: u32,
  labelsOffset: u32,
  weightOffset: u32,
  weightTotalOffset: u32,
  gOffset: u32,
  divisorOffset: u32,
  logitsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> state: array<f32>; // [rows, 2]: max x and log(sum(exp(x - max x)))
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [classes]; read only with hasWeight
@group(0) @binding(3) var<storage, read> weightTotal: array<f32>; // [1], likewise
@group(0) @binding(4) var<storage, read> g: array<f32>;
@group(0) @binding(5) var<storage, read> divisor: array<f32>; // [1]; read only with isMean
@group(0) @binding(6) var<storage, read> logits: array<f32>;
@group(0) @binding(7) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// spec, to overwrite the logits: return y[q];
fn logitAt(p: u32, q: u32) -> f32 { return logits[p]; }

fn weightOf(index: u32) -> f32 {
  if (params.hasWeight == 0u) {
    return 1.0;
  }
  return weight[params.weightOffset + index];
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.count) {
    return;
  }
  let place = i % params.inner;
  let column = i / params.inner % params.runs * RUN;
  let outer = i / params.inner / params.runs;
  let end = min(column + RUN, params.columns);
  let row = outer * params.inner + place;
  let p = params.logitsOffset + outer * params.outerStride + place * params.innerStride;
  let q = params.yOffset + outer * params.yOuterStride + place * params.yInnerStride;
  let label = labels[params.labelsOffset + row];
  if (label == params.ignoreIndex) {
    for (var k = column; k < end; k++) {
      y[q + k * params.yClassStride] = 0.0;
    }
    return;
  }
  let s = params.stateOffset + row * 2u;
  let largest = state[s];
  let logTotal = state[s + 1u];
  var rowWeight = params.invalid;
  if (label >= 0 && f32(label) < params.classes) {
    rowWeight = weightOf(u32(label));
  }
  var allWeights = params.classes;
  if (params.hasWeight != 0u && params.smoothing > 0.0) {
    allWeights = weightTotal[params.weightTotalOffset];
  }
  let even = params.smoothing / params.classes;
  var scale = g[params.gOffset + row * params.gStride];
  if (params.isMean != 0u) {
    scale /= divisor[params.divisorOffset];
  }
  for (var k = column; k < end; k++) {
    let at = q + k * params.yClassStride;
    let probability = exp(logitAt(p + k * params.classStride, at) - largest - logTotal);
    let index = params.first + k;
    let expected = select(0.0, rowWeight, label == i32(index));
    var slope = rowWeight * probability - expected;
    if (params.smoothing > 0.0) {
      slope = (1.0 - params.smoothing) * slope + even * (allWeights * probability - weightOf(index));
    }
    y[at] = slope * scale;
  }
}
