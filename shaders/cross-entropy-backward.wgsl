// Turns a window of logits into the gradient of the cross-entropy, in place:
// x[r, c] = (exp(x[r, c] - logSumExp[r]) - [c is the label]) * g[r], 0 where the label is ignored.
struct Params {
  count: u32, // rows * columns
  columns: u32,
  first: u32, // vocabulary index of column 0
  ignoreIndex: i32,
  rowStride: u32, // of the logits
  stateOffset: u32,
  labelsOffset: u32,
  gOffset: u32,
  logitsOffset: u32,
}

@group(0) @binding(0) var<storage, read> state: array<f32>;
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

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
  let row = i / params.columns;
  let column = i % params.columns;
  let p = params.logitsOffset + row * params.rowStride + column;
  let label = labels[params.labelsOffset + row];
  let probability = exp(logits[p] - state[params.stateOffset + row * 4u]);
  let expected = select(0.0, 1.0, label == i32(params.first + column));
  logits[p] = select((probability - expected) * g[params.gOffset + row], 0.0, label == params.ignoreIndex);
}
