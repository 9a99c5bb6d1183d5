// First stage of a stable sort along the middle axis of x [outer, length, inner]: an element's place in its block is the
// number of those before it, counted by comparison. What lies beyond `keep` is dropped.
alias X = f32; // spec: f16, i32, u32
alias Y = vec2<u32>; // spec: i32 when a block is all there is, y [outer, keep, inner]

struct Params {
  count: u32, // outer · length · inner
  length: u32,
  inner: u32,
  block: u32,
  keep: u32,
  descending: u32, // 1 for the greatest first
  xOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>; // (key, index): [rows, blocks, keep]
@group(1) @binding(0) var<uniform> params: Params;

// A number in the order of the values, the greatest for NaN.
fn keyOf(v: X) -> u32 { return bitcast<u32>(v); }
fn result(key: u32, index: u32) -> Y { return Y(key, index); }

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
  let index = i % params.length;
  let row = i / params.length;
  let column = row % params.inner;
  let start = params.xOffset + (row / params.inner) * params.length * params.inner + column;
  let flip = select(0u, 0xffffffffu, params.descending == 1u);
  let own = keyOf(x[start + index * params.inner]) ^ flip;
  let block = index / params.block;
  let begin = block * params.block;
  let end = min(begin + params.block, params.length);
  var place = 0u;
  for (var k = begin; k < end; k++) {
    let key = keyOf(x[start + k * params.inner]) ^ flip;
    place += select(0u, 1u, key < own || (key == own && k < index));
  }
  if (place >= params.keep) {
    return;
  }
  let blocks = (params.length + params.block - 1u) / params.block;
  let destination = ((row / params.inner) * params.keep + place) * params.inner + column;
  y[select((row * blocks + block) * params.keep + place, destination, blocks == 1u)] = result(own, index);
}
