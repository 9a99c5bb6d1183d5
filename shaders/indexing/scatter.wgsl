// y[i, place, j] = combine(… combine(y[i, place, j], source[i, k, j]) …, source[i, k', j]) over the chain k < k' < … of
// indices that name the place, in ascending order: the same bits every time. The first of a chain does the work of all.
// Only places in the bound window of y are written.
alias T = f32; // spec: i32, u32, f16

const NONE: u32 = 0xffffffffu;

struct Params {
  shape0: vec4<u32>, // of source
  shape1: vec4<u32>,
  sourceStrides0: vec4<u32>,
  sourceStrides1: vec4<u32>,
  linksStrides0: vec4<u32>, // 0 where lines share their indices
  linksStrides1: vec4<u32>,
  yStrides0: vec4<u32>,
  yStrides1: vec4<u32>,
  count: u32,
  rank: u32,
  axis: u32,
  lineLength: u32, // of source along the axis
  begin: u32, // of the bound window of y along the axis
  window: u32, // its length
  sourceOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> source: array<T>;
@group(0) @binding(1) var<storage, read> links: array<vec2<u32>>;
@group(0) @binding(2) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

fn combine(total: T, v: T) -> T { return total + v; }

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
  var p = params.sourceOffset;
  var l = 0u;
  var q = params.yOffset;
  var k = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    if (axis - 1u == params.axis) {
      k = index;
    } else {
      p += index * pick(params.sourceStrides0, params.sourceStrides1, axis - 1u);
      l += index * pick(params.linksStrides0, params.linksStrides1, axis - 1u);
      q += index * pick(params.yStrides0, params.yStrides1, axis - 1u);
    }
  }
  let sourceStride = pick(params.sourceStrides0, params.sourceStrides1, params.axis);
  let linksStride = pick(params.linksStrides0, params.linksStrides1, params.axis);
  let place = links[l + k * linksStride].x;
  if (place == NONE || place - params.begin >= params.window) {
    return;
  }
  q += (place - params.begin) * pick(params.yStrides0, params.yStrides1, params.axis);
  var total = y[q];
  while (k < params.lineLength) {
    total = combine(total, source[p + k * sourceStride]);
    k = links[l + k * linksStride].y;
  }
  y[q] = total;
}
