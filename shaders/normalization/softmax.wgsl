// Softmax along one axis of x [outer, columns, inner], a row for each outer and inner index; in attention with a causal
// limit, a mask and an additive bias, both with any strides over the rows.
// y = exp(x - max) / sum; hidden entries are 0, and a row with every entry hidden is all 0. A row with NaN or infinity
// among what is seen is NaN; adapters differ in what maxima and exponentials make of these, so that bits tell.
// LANES invocations share a row: 1 on software adapters, where barriers cost more than they save. There, rows that lie
// on whole vectors are read as such; each element is added in its turn all the same.
const LANES: u32 = 64u;
const ROWS: u32 = 1u; // rows a workgroup handles
const MASKED: bool = false;
const BIASED: bool = false;
const LOG: bool = false; // y = x - max - log(sum)
alias V = f32; // spec, with inner = 1 and neither mask nor bias: vec4<f32>
const WIDTH: u32 = 1u; // elements of V

struct Params {
  rowShape: vec4<u32>, // the axes that mask and bias walk: row = ((i0 * s1 + i1) * s2 + i2) * s3 + i3
  maskRows: vec4<u32>, // strides along them
  biasRows: vec4<u32>,
  maskColumn: u32,
  biasColumn: u32,
  firstRow: u32, // of this window
  rows: u32,
  columns: u32,
  inner: u32, // elements between two of a row
  queries: u32, // row % queries is the query; it sees the first reach + query keys
  reach: u32,
  emptyIsZero: u32, // a row of -infinity alone is 0, as one that is hidden whole; else NaN
  xOffset: u32,
  maskOffset: u32,
  biasOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<V>;
@group(0) @binding(1) var<storage, read> mask: array<u32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<V>;
@group(1) @binding(0) var<uniform> params: Params;

const LOWEST = -3.4028234e38f;
var<workgroup> partial: array<f32, LANES * ROWS>;

// Where a row begins in a tensor with the given strides along the row axes.
fn rowStart(row: u32, strides: vec4<u32>) -> u32 {
  let s = params.rowShape;
  let r2 = row / s.w;
  let r1 = r2 / s.z;
  let r0 = r1 / s.y;
  return dot(vec4(r0, r1 % s.y, r2 % s.z, row % s.w), strides);
}

const INFINITY_BITS = 0x7f800000u;

// Infinity for NaN, which a maximum may drop.
fn nanAsInfinity(v: f32) -> f32 {
  let bits = bitcast<u32>(v);
  return select(v, bitcast<f32>(bits & INFINITY_BITS), (bits & 0x7fffffffu) > INFINITY_BITS);
}

fn highest(largest: f32, v: V) -> f32 { return max(largest, nanAsInfinity(v)); } // spec, for vectors
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
  let p = (params.xOffset + start) / WIDTH;
  let q = (params.yOffset + start) / WIDTH;
  let columns = params.columns / WIDTH;
  let place = params.firstRow + row;
  let end = min(params.columns, params.reach + place % params.queries) / WIDTH;
  var maskStart = 0u;
  if (MASKED) {
    maskStart = params.maskOffset + rowStart(place, params.maskRows);
  }
  var biasStart = 0u;
  if (BIASED) {
    biasStart = params.biasOffset + rowStart(place, params.biasRows);
  }

  var largest = LOWEST;
  for (var k = lane; k < end; k += LANES) {
    if (!MASKED || mask[maskStart + k * params.maskColumn] != 0u) {
      var value = x[p + k * inner];
      if (BIASED) {
        value += bias[biasStart + k * params.biasColumn];
      }
      largest = highest(largest, value);
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
    if (!MASKED || mask[maskStart + k * params.maskColumn] != 0u) {
      var value = x[p + k * inner];
      if (BIASED) {
        value += bias[biasStart + k * params.biasColumn];
      }
      total = addTo(total, exp(value - largest));
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

  let isEmpty = bitcast<u32>(total) == 0u;
  let isNotANumber = bitcast<u32>(largest) == INFINITY_BITS || (isEmpty && params.emptyIsZero == 0u);
  let notANumber = bitcast<f32>(bitcast<u32>(total) | 0x7fc00000u);
  let scale = select(1.0 / total, 0.0, isEmpty);
  let logTotal = log(total);
  for (var k = lane; k < columns; k += LANES) {
    var value = V(0.0);
    if (LOG) {
      value = x[p + k * inner] - largest - logTotal; // largest + logTotal would round to largest's digits
      value = select(value, V(notANumber), isNotANumber);
    } else if (k < end && (!MASKED || mask[maskStart + k * params.maskColumn] != 0u)) {
      var logit = x[p + k * inner];
      if (BIASED) {
        logit += bias[biasStart + k * params.biasColumn];
      }
      value = select(exp(logit - largest) * scale, V(notANumber), isNotANumber);
    }
    y[q + k * inner] = value;
  }
}
