// Gradient of softmax along the middle axis of [outer, columns, inner]: dx = y * (g - sum(g * y)). LANES invocations share a row.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles
alias V = f32; // spec, with inner = 1: vec4<f32>
const WIDTH: u32 = 1u; // elements of V

struct Params {
  rows: u32,
  columns: u32,
  inner: u32, // elements between two of a row
  gOffset: u32,
  yOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<V>;
@group(0) @binding(1) var<storage, read> y: array<V>;
@group(0) @binding(2) var<storage, read_write> dx: array<V>;
@group(1) @binding(0) var<uniform> params: Params;

var<workgroup> partial: array<f32, LANES * ROWS>;

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
  let row = min(index, params.rows - 1u); // spare invocations repeat the last row and write the same
  let inner = params.inner;
  let start = row / inner * params.columns * inner + row % inner;
  let p = (params.gOffset + start) / WIDTH;
  let q = (params.yOffset + start) / WIDTH;
  let r = (params.dxOffset + start) / WIDTH;
  let columns = params.columns / WIDTH;

  var total = 0.0;
  for (var k = lane; k < columns; k += LANES) {
    total = addTo(total, g[p + k * inner] * y[q + k * inner]);
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
  for (var k = lane; k < columns; k += LANES) {
    dx[r + k * inner] = y[q + k * inner] * (g[p + k * inner] - total);
  }
}
