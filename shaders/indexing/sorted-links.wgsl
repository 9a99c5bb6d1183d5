// Chains of equal indices, as index-links.wgsl makes them, from pairs (line · length + place, position) in order.
const NONE: u32 = 0xffffffffu;

struct Params {
  count: u32,
  lineLength: u32,
  lineStride: u32, // of positions along a line
  length: u32, // of the axis the indices count in
  ignored: u32, // a place whose links are left out, or NONE
}

@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> links: array<vec2<u32>>;
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
  let pair = pairs[i];
  let before = pairs[max(i, 1u) - 1u];
  let after = pairs[min(i + 1u, params.count - 1u)];
  let place = pair.x % params.length;
  let isFirst = (i == 0u || before.x != pair.x) && place != params.ignored;
  let isLast = i + 1u == params.count || after.x != pair.x;
  let next = after.y / params.lineStride % params.lineLength;
  links[pair.y] = vec2<u32>(select(NONE, place, isFirst), select(next, params.lineLength, isLast));
}
