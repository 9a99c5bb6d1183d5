// Logits replaced by the gradient of their cross-entropy, (p - [c = label]) * g with p = exp(x - max x - log(sum(exp(x
// - max x)))): 0 where the label is ignored, NaN where it is no class, and 0 behind the last class. g is given for each
// row, or it is one over a divisor for all of them, or 1.
//
// Grid: one workgroup for a tile of a row, LANES * STEPS vectors.
const LANES: u32 = 64u;
const STEPS: u32 = 16u;

struct Params {
  rows: u32,
  columns: u32,
  vectors: u32, // in a row as it is stored
  tiles: u32, // in a row
  ignoreIndex: i32,
  kind: u32, // 0: g is 1; 1: g is for each row; 2: g is a divisor
  invalid: f32, // NaN
  stateOffset: u32,
  labelsOffset: u32,
  gOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> state: array<f32>; // [rows, 2]: max x and log(sum(exp(x - max x)))
@group(0) @binding(1) var<storage, read> labels: array<i32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<vec4<f32>>; // [rows, vectors]
@group(1) @binding(0) var<uniform> params: Params;

// spec: return exponential(v);
fn exponentialOf(v: vec4<f32>) -> vec4<f32> { return exp(v); }

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let index = group.y * groups.x + group.x;
  let row = index / params.tiles;
  if (row >= params.rows) {
    return;
  }
  let tile = index - row * params.tiles;
  let base = params.yOffset / 4u + row * params.vectors;
  let end = min((tile + 1u) * LANES * STEPS, params.vectors);
  let label = labels[params.labelsOffset + row];
  let largest = state[params.stateOffset + row * 2u];
  let logTotal = state[params.stateOffset + row * 2u + 1u];
  var scale = 1.0;
  if (params.kind == 1u) {
    scale = g[params.gOffset + row];
  }
  if (params.kind == 2u) {
    scale = 1.0 / g[params.gOffset];
  }
  if (label < 0 || u32(label) >= params.columns) {
    scale = params.invalid;
  }
  let isIgnored = label == params.ignoreIndex;
  for (var v = tile * LANES * STEPS + lane; v < end; v += LANES) {
    let column = v * 4u + vec4(0u, 1u, 2u, 3u);
    let slope = exponentialOf(y[base + v] - largest - logTotal) - select(vec4(0.0), vec4(1.0), column == vec4(u32(label)));
    y[base + v] = select(slope * scale, vec4(0.0), (column >= vec4(params.columns)) | vec4(isIgnored));
  }
}
