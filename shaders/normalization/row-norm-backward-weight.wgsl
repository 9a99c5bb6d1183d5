// Gradients of the weight and bias of a normalisation of rows: sums over chunks of rows, of all chunks in order where an
// invocation has WHOLE columns, else left for a reduction that adds them in that order. An invocation takes a column, or
// four neighbours. y [chunks, 2, columns]: y[c, 0] = sum(g * normalized), y[c, 1] = sum(g) over the rows of chunk c; with
// WHOLE one of each.
alias V = f32; // spec: vec4<f32>
const WIDTH: u32 = 1u; // elements of V
const WHOLE: bool = false;
const LANES: u32 = 64u; // invocations of a workgroup

struct Params {
  rows: u32,
  columns: u32,
  chunk: u32, // rows a chunk
  count: u32, // invocations: columns / WIDTH, of each chunk unless they are whole
  gOffset: u32,
  xOffset: u32,
  statisticsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<V>;
@group(0) @binding(1) var<storage, read> x: array<V>;
@group(0) @binding(2) var<storage, read> statistics: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(1) @binding(0) var<uniform> params: Params;

struct Sums {
  weight: V,
  bias: V,
}

fn sumsOf(chunk: u32, column: u32) -> Sums {
  let columns = params.columns / WIDTH;
  let p = params.gOffset / WIDTH + column;
  let q = params.xOffset / WIDTH + column;
  var sums = Sums(V(0.0), V(0.0));
  let end = min((chunk + 1u) * params.chunk, params.rows);
  for (var row = chunk * params.chunk; row < end; row++) {
    let mean = statistics[params.statisticsOffset + row * 2u];
    let rstd = statistics[params.statisticsOffset + row * 2u + 1u];
    let gradient = g[p + row * columns];
    let normalized = (x[q + row * columns] - mean) * rstd;
    sums.weight += gradient * normalized;
    sums.bias += gradient;
  }
  return sums;
}

@compute @workgroup_size(LANES)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * LANES + lane;
  if (i >= params.count) {
    return;
  }
  let columns = params.columns / WIDTH;
  let column = i % columns;
  let chunk = i / columns;
  var total = sumsOf(chunk, column);
  if (WHOLE) {
    for (var next = 1u; next * params.chunk < params.rows; next++) {
      let sums = sumsOf(next, column);
      total.weight += sums.weight;
      total.bias += sums.bias;
    }
  }
  let r = params.yOffset / WIDTH + chunk * 2u * columns + column;
  y[r] = total.weight;
  y[r + columns] = total.bias;
}
