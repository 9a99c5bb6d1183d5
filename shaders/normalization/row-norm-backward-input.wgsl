// Gradient of layer normalisation with respect to its input, row by row:
// dx = rstd * (gw - mean(gw) - normalized * mean(gw * normalized)), gw = g * weight.
// Without CENTERED, as in root mean square normalisation, mean(gw) is left out, and the means in the statistics are 0.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles
const CENTERED: bool = true;
const ADDS: bool = false; // whether the gradient is added to what dx holds
alias V = f32; // spec: vec4<f32>
const WIDTH: u32 = 1u; // elements of V

struct Params {
  rows: u32,
  columns: u32,
  hasWeight: u32,
  gOffset: u32,
  xOffset: u32,
  weightOffset: u32,
  statisticsOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<V>;
@group(0) @binding(1) var<storage, read> x: array<V>;
@group(0) @binding(2) var<storage, read> weight: array<V>;
@group(0) @binding(3) var<storage, read> statistics: array<f32>;
@group(0) @binding(4) var<storage, read_write> dx: array<V>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<vec2<f32>, LANES * ROWS>;

fn weightAt(k: u32) -> V {
  if (params.hasWeight == 0u) {
    return V(1.0);
  }
  return weight[params.weightOffset / WIDTH + k];
}

fn addTo(total: f32, v: V) -> f32 { return total + v; } // spec, for vectors: the same sum in order

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let lane = local.x;
  let base = local.y * LANES;
  let index = (group.y * groups.x + group.x) * ROWS + local.y;
  let row = min(index, params.rows - 1u); // spare invocations repeat the last row, for the barriers, and write nothing
  let columns = params.columns / WIDTH;
  let p = params.gOffset / WIDTH + row * columns;
  let q = params.xOffset / WIDTH + row * columns;
  let r = params.dxOffset / WIDTH + row * columns;
  let mean = statistics[params.statisticsOffset + row * 2u];
  let rstd = statistics[params.statisticsOffset + row * 2u + 1u];

  var sums = vec2<f32>(0.0);
  for (var k = lane; k < columns; k += LANES) {
    let gw = g[p + k] * weightAt(k);
    sums = vec2(addTo(sums.x, gw), addTo(sums.y, gw * (x[q + k] - mean) * rstd));
  }
  if (LANES > 1u) {
    partial[base + lane] = sums;
    for (var step = LANES / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      if (lane < step) {
        partial[base + lane] += partial[base + lane + step];
      }
    }
    workgroupBarrier();
    sums = partial[base];
  }
  var means = sums / f32(params.columns);
  if (!CENTERED) {
    means.x = 0.0;
  }
  if (index >= params.rows) {
    return; // what is added to dx must be added once
  }
  for (var k = lane; k < columns; k += LANES) {
    let normalized = (x[q + k] - mean) * rstd;
    let gw = g[p + k] * weightAt(k);
    var value = rstd * (gw - means.x - normalized * means.y);
    if (ADDS) {
      value = dx[r + k] + value;
    }
    dx[r + k] = value;
  }
}
