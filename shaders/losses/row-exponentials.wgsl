// Rows of logits in many pieces: for every piece its largest logit and the sum of exp(x - largest). A tile of a row is
// LANES * STEPS vectors, which LANES invocations take in turn, so that neighbours read neighbours; what one of them takes
// is a piece. What a piece holds, and in which order it is added, depends on the length of a row alone.
//
// Grid: one workgroup for a tile of a row.
const LANES: u32 = 64u;
const STEPS: u32 = 16u;

struct Params {
  rows: u32,
  columns: u32,
  vectors: u32, // in a row as it is stored: columns rounded up to vectors
  tiles: u32, // in a row
  logitsOffset: u32,
  piecesOffset: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<vec4<f32>>; // [rows, vectors]
@group(0) @binding(1) var<storage, read_write> pieces: array<f32>; // [rows, 2, tiles * LANES]: largest, sums
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;

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
  let base = params.logitsOffset / 4u + row * params.vectors;
  let first = tile * LANES * STEPS + lane;
  let end = min((tile + 1u) * LANES * STEPS, params.vectors);
  let places = vec4(0u, 1u, 2u, 3u);

  var largest = vec4(LOWEST);
  for (var v = first; v < end; v += LANES) {
    largest = max(largest, select(vec4(LOWEST), logits[base + v], v * 4u + places < vec4(params.columns)));
  }
  let most = max(max(largest.x, largest.y), max(largest.z, largest.w));
  var total = vec4(0.0);
  for (var v = first; v < end; v += LANES) {
    total += select(vec4(0.0), exponentialOf(logits[base + v] - most), v * 4u + places < vec4(params.columns));
  }
  let q = params.piecesOffset + (row * 2u * params.tiles + tile) * LANES + lane;
  pieces[q] = most;
  pieces[q + params.tiles * LANES] = ((total.x + total.y) + total.z) + total.w;
}
