// First stage of the gradients of layer normalisation's weight and bias: sums over chunks of rows.
// An invocation takes a column, or four neighbours. y [chunks, 2, columns]: y[c, 0] = sum(g * normalized), y[c, 1] = sum(g) over the rows of chunk c.
alias V = f32; // spec: vec4<f32>
const WIDTH: u32 = 1u; // elements of V

struct Params {
  rows: u32,
  columns: u32,
  chunk: u32, // rows a chunk
  count: u32, // chunks * columns / WIDTH
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
  let columns = params.columns / WIDTH;
  let column = i % columns;
  let chunk = i / columns;
  var weightSum = V(0.0);
  var biasSum = V(0.0);
  let end = min((chunk + 1u) * params.chunk, params.rows);
  for (var row = chunk * params.chunk; row < end; row++) {
    let mean = statistics[params.statisticsOffset + row * 2u];
    let rstd = statistics[params.statisticsOffset + row * 2u + 1u];
    let gradient = g[params.gOffset / WIDTH + row * columns + column];
    let normalized = (x[params.xOffset / WIDTH + row * columns + column] - mean) * rstd;
    weightSum += gradient * normalized;
    biasSum += gradient;
  }
  let q = params.yOffset / WIDTH + chunk * 2u * columns + column;
  y[q] = weightSum;
  y[q + columns] = biasSum;
}
