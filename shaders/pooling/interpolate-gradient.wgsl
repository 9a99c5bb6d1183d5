// Gradient of interpolation: dx [planes, height, width] sums, for each element, what it had of g [planes, outHeight,
// outWidth], row by row. Every element gathers its own, so the order is fixed and no atomics are needed.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  count: u32, // planes * height * width
  nearest: u32,
  scaleDown: f32,
  scaleRight: f32,
  offset: f32,
  shift: f32,
  gOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

/** The share that place `p` has in output `o` along an axis. */
fn shareOf(p: u32, o: u32, scale: f32, size: u32) -> f32 {
  let source = max(scale * (f32(o) + params.offset) - params.shift, 0.0);
  let first = min(u32(source), size - 1u);
  if (params.nearest != 0u) {
    return select(0.0, 1.0, first == p);
  }
  let distance = source - f32(first);
  return select(0.0, 1.0 - distance, first == p) + select(0.0, distance, min(first + 1u, size - 1u) == p);
}

/** First output along an axis that place `p` may have a share in, and the one after the last: one more at both ends. */
fn outputsOf(p: u32, scale: f32, size: u32, outputs: u32) -> vec2<u32> {
  var range = vec2<u32>(0u, outputs);
  if (scale > 0.0) {
    if (p > 0u) {
      range.x = u32(max((f32(p) - 1.0 + params.shift) / scale - params.offset - 1.0, 0.0));
    }
    if (p + 1u < size) {
      range.y = min(u32(max((f32(p) + 1.0 + params.shift) / scale - params.offset + 2.0, 0.0)) + 1u, outputs);
    }
  }
  return range;
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
  let line = i / params.sizes.y;
  let index = line / params.sizes.x;
  let w = i - line * params.sizes.y;
  let h = line - index * params.sizes.x;
  let plane = params.gOffset + index * params.sizes.z * params.sizes.w;
  let downs = outputsOf(h, params.scaleDown, params.sizes.x, params.sizes.z);
  let rights = outputsOf(w, params.scaleRight, params.sizes.y, params.sizes.w);

  var total = 0.0;
  for (var down = downs.x; down < downs.y; down++) {
    let rowShare = shareOf(h, down, params.scaleDown, params.sizes.x);
    if (rowShare == 0.0) {
      continue;
    }
    for (var right = rights.x; right < rights.y; right++) {
      let share = rowShare * shareOf(w, right, params.scaleRight, params.sizes.y);
      if (share != 0.0) {
        total += share * g[plane + down * params.sizes.w + right];
      }
    }
  }
  dx[params.dxOffset + i] = total;
}
