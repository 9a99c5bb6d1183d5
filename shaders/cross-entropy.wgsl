// Cross-entropy of rows of logits that arrive in windows of the vocabulary: columns first … first + columns - 1.
// state [rows, 4] holds the running maximum, the sum of exp(x - maximum), the label's logit and, after the last
// window, log-sum-exp in place of the maximum and the loss: loss = log-sum-exp - logit[label], 0 where ignored.
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
  rowStride: u32, // of the logits
  logitsOffset: u32,
  labelsOffset: u32,
  stateOffset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read_write> state: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;
var<workgroup> partial: array<f32, LANES * ROWS>;

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
  let p = params.logitsOffset + select(row, 0u, isSpare) * params.rowStride;

  var largest = LOWEST;
  for (var k = lane; k < params.columns; k += LANES) {
    largest = max(largest, logits[p + k]);
  }
  if (LANES > 1u) {
    partial[base + lane] = largest;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (lane < step) {
        partial[base + lane] = max(partial[base + lane], partial[base + lane + step]);
      }
    }
    workgroupBarrier();
    largest = partial[base];
    workgroupBarrier();
  }
  var total = 0.0;
  for (var k = lane; k < params.columns; k += LANES) {
    total += exp(logits[p + k] - largest);
  }
  if (LANES > 1u) {
    partial[base + lane] = total;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (lane < step) {
        partial[base + lane] += partial[base + lane + step];
      }
    }
    workgroupBarrier();
    total = partial[base];
  }
  if (lane > 0u || isSpare) {
    return;
  }

  let q = params.stateOffset + row * 4u;
  var picked = 0.0;
  if (params.isFirst == 0u) {
    let before = state[q];
    let joint = max(before, largest);
    total = total * exp(largest - joint) + state[q + 1u] * exp(before - joint);
    largest = joint;
    picked = state[q + 2u];
  }
  let label = labels[params.labelsOffset + row];
  let column = u32(label) - params.first;
  if (label >= 0 && column < params.columns) {
    picked = logits[p + column];
  }
  state[q] = largest;
  state[q + 1u] = total;
  state[q + 2u] = picked;
  if (params.isLast != 0u) {
    let logSumExp = largest + log(total);
    state[q] = logSumExp;
    state[q + 3u] = select(logSumExp - picked, 0.0, label == params.ignoreIndex);
  }
}
