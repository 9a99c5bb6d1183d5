// Softmax over the rows of x [rows, columns], in attention with a causal limit and a mask of keys.
// y = exp(x - max) / sum; masked entries are 0, and a row with every entry masked is all 0.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles
const CAUSAL: bool = false;
const MASKED: bool = false;
const LOG: bool = false; // y = x - max - log(sum)

struct Params {
  rows: u32,
  columns: u32,
  queries: u32, // causal: row % queries is the query; it sees keys up to columns - queries + query
  rowsPerMask: u32, // masked: rows that share one line of the mask [.., columns]
  xOffset: u32,
  maskOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;
var<workgroup> partial: array<f32, LANES * ROWS>;

fn visible(row: u32, column: u32) -> bool {
  return !MASKED || mask[params.maskOffset + (row / params.rowsPerMask) * params.columns + column] != 0u;
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
  let p = params.xOffset + row * params.columns;
  let q = params.yOffset + row * params.columns;
  var end = params.columns;
  if (CAUSAL) {
    end = params.columns - params.queries + row % params.queries + 1u;
  }

  var largest = LOWEST;
  for (var k = lane; k < end; k += LANES) {
    if (visible(row, k)) {
      largest = max(largest, x[p + k]);
    }
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
  for (var k = lane; k < end; k += LANES) {
    if (visible(row, k)) {
      total += exp(x[p + k] - largest);
    }
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

  let scale = select(1.0 / total, 0.0, bitcast<u32>(total) == 0u); // bits, because a NaN may compare as anything
  let shift = largest + log(total);
  for (var k = lane; k < params.columns; k += LANES) {
    var value = 0.0;
    if (LOG) {
      value = x[p + k] - shift;
    } else if (k < end && visible(row, k)) {
      value = exp(x[p + k] - largest) * scale;
    }
    y[q + k] = value;
  }
}
