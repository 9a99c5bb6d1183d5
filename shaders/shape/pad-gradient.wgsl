// The transpose of padding one axis: y[i, j, k] = sum of g[i, m, k] over the places m of the padded axis that copy the
// place j, in ascending order. g and y are strided views.
alias T = f32; // spec: f16, summed in f32

const EDGE: u32 = 1; // the numbers of rearrange.wgsl
const REFLECT: u32 = 2;
const SYMMETRIC: u32 = 3;
const WRAP: u32 = 4;

struct Params {
  shape0: vec4<u32>, // of y
  shape1: vec4<u32>,
  gStrides0: vec4<u32>,
  gStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
  axis: u32,
  padded: u32, // length of g along the axis
  before: i32, // places in front of the first
  mode: u32,
  gOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

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
  var rest = i;
  var p = params.gOffset;
  var q = params.yOffset;
  var j = 0;
  var n = 1;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    q += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
    if (axis - 1u == params.axis) {
      j = i32(index);
      n = i32(length);
    } else {
      p += index * pick(params.gStrides0, params.gStrides1, axis - 1u);
    }
  }
  let stride = pick(params.gStrides0, params.gStrides1, params.axis);
  let padded = i32(params.padded);
  let own = params.before + j;
  // Copies of a place lie from firstLeft to left, at own, and from right to lastRight.
  var left = own;
  var right = own;
  var lastRight = own;
  var firstLeft = own;
  if (params.mode == EDGE) {
    firstLeft = select(own, 0, j == 0);
    lastRight = select(own, padded - 1, j == n - 1);
    left = own - 1;
    right = own + 1;
  } else {
    // One copy on either side at most: a pad is never wider than the tensor.
    if (params.mode == REFLECT) {
      left = select(own, params.before - j, j > 0);
      right = select(own, params.before + 2 * (n - 1) - j, j < n - 1);
    } else if (params.mode == SYMMETRIC) {
      left = params.before - 1 - j;
      right = params.before + 2 * n - 1 - j;
    } else {
      left = own - n;
      right = own + n;
    }
    firstLeft = left;
    lastRight = right;
  }
  var total = 0.0;
  for (var m = max(firstLeft, 0); m <= left && m < min(own, padded); m++) {
    total += f32(g[p + u32(m) * stride]);
  }
  if (own >= 0 && own < padded) {
    total += f32(g[p + u32(own) * stride]);
  }
  for (var m = max(max(right, own + 1), 0); m <= lastRight && m < padded; m++) {
    total += f32(g[p + u32(m) * stride]);
  }
  y[q] = T(total);
}
