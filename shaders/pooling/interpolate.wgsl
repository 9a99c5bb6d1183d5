// The planes of x [planes, height, width] resampled to y [planes, outHeight, outWidth]. Along an axis output o lies at
// scale * (o + offset) - shift of the input, from 0 on: the element there (NEAREST), or the two around it by distance.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  count: u32, // planes * outHeight * outWidth
  nearest: u32,
  scaleDown: f32,
  scaleRight: f32,
  offset: f32,
  shift: f32,
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

struct Place {
  first: u32,
  second: u32,
  distance: f32, // from the first
}

fn placeOf(o: u32, scale: f32, size: u32) -> Place {
  let source = max(scale * (f32(o) + params.offset) - params.shift, 0.0);
  let first = min(u32(source), size - 1u);
  return Place(first, min(first + 1u, size - 1u), source - f32(first));
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
  let line = i / params.sizes.w;
  let index = line / params.sizes.z;
  let plane = params.xOffset + index * params.sizes.x * params.sizes.y;
  let h = placeOf(line - index * params.sizes.z, params.scaleDown, params.sizes.x);
  let w = placeOf(i - line * params.sizes.w, params.scaleRight, params.sizes.y);
  let top = plane + h.first * params.sizes.y;
  var value = x[top + w.first];
  if (params.nearest == 0u) {
    let bottom = plane + h.second * params.sizes.y;
    let above = (1.0 - w.distance) * value + w.distance * x[top + w.second];
    let below = (1.0 - w.distance) * x[bottom + w.first] + w.distance * x[bottom + w.second];
    value = (1.0 - h.distance) * above + h.distance * below;
  }
  y[params.yOffset + i] = value;
}
