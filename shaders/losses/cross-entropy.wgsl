// Cross-entropy of rows of logits that arrive in windows of the classes: columns first … first + columns - 1.
// With weights w, their sum W, smoothing s and C classes, label l, the loss of a row is
//   (1 - s) w[l] (L - x[l]) + s / C (W L - sum(w x)), L = log(sum(exp(x))),
// computed on x - max x. Rows with the ignored label have loss and weight 0, those with a label that is no class NaN.
// state [rows, 2] receives max x and log(sum(exp(x - max x))); terms [rows, 2] the loss and w[l]. Between windows,
// partial [rows, 5] holds the maximum, the sum of exp, the label's logit, and the sums of w (x - maximum) and w.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles

struct Params {
  rows: u32,
  columns: u32,
  first: u32,
  isFirst: u32,
  isLast: u32,
  ignoreIndex: i32,
  inner: u32, // row = outer * inner + place
  outerStride: u32, // of the logits
  innerStride: u32,
  classStride: u32,
  hasWeight: u32, // else every weight is 1
  classes: f32,
  smoothing: f32,
  invalid: f32, // NaN
  logitsOffset: u32,
  labelsOffset: u32,
  weightOffset: u32,
  weightTotalOffset: u32,
  partialOffset: u32,
  stateOffset: u32,
  termsOffset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> weight: array<f32>; // [classes]; read only with hasWeight
@group(0) @binding(3) var<storage, read> weightTotal: array<f32>; // [1], likewise
@group(0) @binding(4) var<storage, read_write> partial: array<f32>; // used only with more than one window
@group(0) @binding(5) var<storage, read_write> state: array<f32>;
@group(0) @binding(6) var<storage, read_write> terms: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;
var<workgroup> lanes: array<f32, LANES * ROWS>;

fn weightOf(index: u32) -> f32 {
  if (params.hasWeight == 0u) {
    return 1.0;
  }
  return weight[params.weightOffset + index];
}

// The sum over the lanes of a row; every invocation must come here.
fn sumLanes(value: f32, base: u32, lane: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  lanes[base + lane] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      lanes[base + lane] += lanes[base + lane + step];
    }
  }
  workgroupBarrier();
  let total = lanes[base];
  workgroupBarrier();
  return total;
}

fn maxLanes(value: f32, base: u32, lane: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  lanes[base + lane] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      lanes[base + lane] = max(lanes[base + lane], lanes[base + lane + step]);
    }
  }
  workgroupBarrier();
  let largest = lanes[base];
  workgroupBarrier();
  return largest;
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let lane = local.x;
  let base = local.y * LANES;
  let row = (group.y * groups.x + group.x) * ROWS + local.y;
  let isSpare = row >= params.rows;
  let at = select(row, 0u, isSpare);
  let p = params.logitsOffset + at / params.inner * params.outerStride + at % params.inner * params.innerStride;
  let step = params.classStride;

  var largest = LOWEST;
  for (var k = lane; k < params.columns; k += LANES) {
    largest = max(largest, logits[p + k * step]);
  }
  largest = maxLanes(largest, base, lane);
  var total = 0.0;
  for (var k = lane; k < params.columns; k += LANES) {
    total += exp(logits[p + k * step] - largest);
  }
  total = sumLanes(total, base, lane);
  var spread = 0.0; // sum of w (x - largest)
  var weights = 0.0;
  if (params.smoothing > 0.0) {
    for (var k = lane; k < params.columns; k += LANES) {
      let w = weightOf(params.first + k);
      spread += w * (logits[p + k * step] - largest);
      weights += w;
    }
    spread = sumLanes(spread, base, lane);
    weights = sumLanes(weights, base, lane);
  }
  if (lane > 0u || isSpare) {
    return;
  }

  let q = params.partialOffset + row * 5u;
  var picked = 0.0;
  if (params.isFirst == 0u) {
    let before = partial[q];
    let joint = max(before, largest);
    total = total * exp(largest - joint) + partial[q + 1u] * exp(before - joint);
    spread += weights * (largest - joint) + partial[q + 3u] + partial[q + 4u] * (before - joint);
    weights += partial[q + 4u];
    largest = joint;
    picked = partial[q + 2u];
  }
  let label = labels[params.labelsOffset + row];
  let column = u32(label) - params.first;
  if (label >= 0 && column < params.columns) {
    picked = logits[p + column * step];
  }
  if (params.isLast == 0u) {
    partial[q] = largest;
    partial[q + 1u] = total;
    partial[q + 2u] = picked;
    partial[q + 3u] = spread;
    partial[q + 4u] = weights;
    return;
  }
  let logTotal = log(total);
  state[params.stateOffset + row * 2u] = largest;
  state[params.stateOffset + row * 2u + 1u] = logTotal;
  var rowWeight = params.invalid;
  if (label >= 0 && u32(label) < params.first + params.columns) {
    rowWeight = weightOf(u32(label));
  }
  var loss = rowWeight * (logTotal - (picked - largest));
  if (params.smoothing > 0.0) {
    var allWeights = params.classes;
    if (params.hasWeight != 0u) {
      allWeights = weightTotal[params.weightTotalOffset];
    }
    loss = (1.0 - params.smoothing) * loss + params.smoothing / params.classes * (allWeights * logTotal - spread);
  }
  let isIgnored = label == params.ignoreIndex;
  terms[params.termsOffset + row * 2u] = select(loss, 0.0, isIgnored);
  terms[params.termsOffset + row * 2u + 1u] = select(rowWeight, 0.0, isIgnored);
}
