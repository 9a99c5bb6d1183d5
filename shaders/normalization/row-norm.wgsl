// Layer normalisation of the rows of x [rows, columns]:
// y = (x - mean) * rstd * weight + bias, rstd = 1 / sqrt(variance + epsilon); statistics [rows, 2] keeps mean, rstd.
// Without CENTERED the mean counts as 0: root mean square normalisation.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles
const CENTERED: bool = true;
alias V = f32; // spec: vec4<f32>
const WIDTH: u32 = 1u; // elements of V

struct Params {
  rows: u32,
  columns: u32,
  epsilon: f32,
  hasWeight: u32,
  hasBias: u32,
  xOffset: u32,
  weightOffset: u32,
  biasOffset: u32,
  yOffset: u32,
  statisticsOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> weight: array<V>;
@group(0) @binding(2) var<storage, read> bias: array<V>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(0) @binding(4) var<storage, read_write> statistics: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES * ROWS>;

fn addTo(total: f32, v: V) -> f32 { return total + v; } // spec, for vectors: the same sum in order

fn sumOverLanes(value: f32, base: u32, lane: u32) -> f32 {
  if (LANES == 1u) {
    return value;
  }
  workgroupBarrier();
  partial[base + lane] = value;
  for (var step = LANES / 2u; step > 0u; step /= 2u) {
    workgroupBarrier();
    if (lane < step) {
      partial[base + lane] += partial[base + lane + step];
    }
  }
  workgroupBarrier();
  return partial[base];
}

@compute @workgroup_size(LANES, ROWS)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
) {
  let lane = local.x;
  let base = local.y * LANES;
  let index = (group.y * groups.x + group.x) * ROWS + local.y;
  let row = min(index, params.rows - 1u); // spare invocations repeat the last row and write the same
  let columns = params.columns / WIDTH;
  let p = params.xOffset / WIDTH + row * columns;
  let count = f32(params.columns);

  var mean = 0.0;
  if (CENTERED) {
    var total = 0.0;
    for (var k = lane; k < columns; k += LANES) {
      total = addTo(total, x[p + k]);
    }
    mean = sumOverLanes(total, base, lane) / count;
  }

  var squares = 0.0;
  for (var k = lane; k < columns; k += LANES) {
    let d = x[p + k] - mean;
    squares = addTo(squares, d * d);
  }
  let rstd = 1.0 / sqrt(sumOverLanes(squares, base, lane) / count + params.epsilon);

  for (var k = lane; k < columns; k += LANES) {
    var value = (x[p + k] - mean) * rstd;
    if (params.hasWeight != 0u) {
      value *= weight[params.weightOffset / WIDTH + k];
    }
    if (params.hasBias != 0u) {
      value += bias[params.biasOffset / WIDTH + k];
    }
    y[params.yOffset / WIDTH + row * columns + k] = value;
  }
  if (lane == 0u) {
    statistics[params.statisticsOffset + row * 2u] = mean;
    statistics[params.statisticsOffset + row * 2u + 1u] = rstd;
  }
}
