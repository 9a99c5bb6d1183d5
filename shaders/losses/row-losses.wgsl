// The pieces of each row put together: state receives max x and log(sum(exp(x - max x))), losses the cross-entropy
// log(sum(exp(x))) - x[label]: 0 for the ignored label, NaN for one that is no class. An invocation a row.
struct Params {
  rows: u32,
  columns: u32,
  vectors: u32, // in a row of logits as it is stored
  pieces: u32, // in a row; a multiple of 4
  ignoreIndex: i32,
  invalid: f32, // NaN
  logitsOffset: u32,
  labelsOffset: u32,
  partsOffset: u32,
  stateOffset: u32,
  lossesOffset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> parts: array<vec4<f32>>; // [rows, 2, pieces]: largest, sums
@group(0) @binding(3) var<storage, read_write> state: array<f32>; // [rows, 2]
@group(0) @binding(4) var<storage, read_write> losses: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;

// spec: return exponential(v);
fn exponentialOf(v: vec4<f32>) -> vec4<f32> { return exp(v); }
// spec: return logarithm(v);
fn logarithmOf(v: vec4<f32>) -> vec4<f32> { return log(v); }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = (group.y * groups.x + group.x) * 64u + lane;
  if (row >= params.rows) {
    return;
  }
  let count = params.pieces / 4u;
  let base = params.partsOffset / 4u + row * 2u * count;
  var most = vec4(LOWEST);
  for (var i = 0u; i < count; i++) {
    most = max(most, parts[base + i]);
  }
  let largest = max(max(most.x, most.y), max(most.z, most.w));
  var totals = vec4(0.0);
  for (var i = 0u; i < count; i++) {
    totals += parts[base + count + i] * exponentialOf(parts[base + i] - largest);
  }
  let logTotal = logarithmOf(vec4(((totals.x + totals.y) + totals.z) + totals.w)).x;
  state[params.stateOffset + row * 2u] = largest;
  state[params.stateOffset + row * 2u + 1u] = logTotal;
  let label = labels[params.labelsOffset + row];
  var loss = params.invalid;
  if (label >= 0 && u32(label) < params.columns) {
    loss = logTotal - (logits[params.logitsOffset + row * params.vectors * 4u + u32(label)] - largest);
  }
  losses[params.lossesOffset + row] = select(loss, 0.0, label == params.ignoreIndex);
}
