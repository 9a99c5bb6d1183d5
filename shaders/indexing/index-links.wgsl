// Links equal indices of a line into a chain, so that what they name can be combined in a fixed order without atomics.
// links[i, k, j] = (the place named, if k is the first of its line to name it, else NONE; the next k to name it, or
// the length of the line). The cost grows with the square of the line: the host keeps lines short.
const NONE: u32 = 0xffffffffu;

struct Params {
  shape0: vec4<u32>, // of indices
  shape1: vec4<u32>,
  indicesStrides0: vec4<u32>,
  indicesStrides1: vec4<u32>,
  count: u32,
  rank: u32,
  axis: u32, // along which the lines run
  lineLength: u32,
  isSigned: u32, // whether indices are i32
  length: u32, // of the axis the indices count in
  ignored: u32, // a place whose links are left out, or NONE
  indicesOffset: u32,
}

@group(0) @binding(0) var<storage, read> indices: array<u32>;
@group(0) @binding(1) var<storage, read_write> links: array<vec2<u32>>;
@group(1) @binding(0) var<uniform> params: Params;

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

fn placeOf(index: u32) -> u32 {
  if (params.isSigned == 0u) {
    return min(index, params.length - 1u);
  }
  let v = bitcast<i32>(index);
  let n = i32(params.length);
  return u32(clamp(select(v, v + n, v < 0), 0, n - 1));
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
  var line = params.indicesOffset;
  var k = 0u;
  for (var axis = params.rank; axis > 0u; axis--) {
    let length = pick(params.shape0, params.shape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    if (axis - 1u == params.axis) {
      k = index;
    } else {
      line += index * pick(params.indicesStrides0, params.indicesStrides1, axis - 1u);
    }
  }
  let stride = pick(params.indicesStrides0, params.indicesStrides1, params.axis);
  let place = placeOf(indices[line + k * stride]);
  var first = place;
  if (place == params.ignored) {
    first = NONE;
  }
  for (var before = 0u; before < k; before++) {
    if (placeOf(indices[line + before * stride]) == place) {
      first = NONE;
      break;
    }
  }
  var next = k + 1u;
  while (next < params.lineLength && placeOf(indices[line + next * stride]) != place) {
    next++;
  }
  links[i] = vec2<u32>(first, next);
}
