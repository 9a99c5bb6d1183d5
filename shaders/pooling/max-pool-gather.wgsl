// The elements of x [planes, height, width] that `taps` [planes, outHeight, outWidth] names within each window:
// max pooling once its choice is made, and so linear in x. A tap of -1, or one in the padding, gives 0.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  kernel: vec4<u32>, // height, width, stride down, stride right
  padding: vec4<u32>, // top, left, bottom, right
  spread: vec4<u32>, // dilation down, dilation right, adaptive, include padding in counts
  count: u32, // planes * outHeight * outWidth
  xOffset: u32,
  tapsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read> taps: array<i32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

/** Where the window of output `o` starts along an axis; before 0 in the padding. */
fn windowBegin(o: u32, axis: u32) -> i32 {
  if (params.spread.z != 0u) {
    return i32(o * params.sizes[axis] / params.sizes[axis + 2u]);
  }
  return i32(o * params.kernel[axis + 2u]) - i32(params.padding[axis]);
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
  let right = i - line * params.sizes.w;
  let down = line - index * params.sizes.z;
  let plane = params.xOffset + index * params.sizes.x * params.sizes.y;
  let tap = taps[params.tapsOffset + i];
  let place = u32(max(tap, 0));
  let h = windowBegin(down, 0u) + i32(place / params.kernel.y * params.spread.x);
  let w = windowBegin(right, 1u) + i32(place % params.kernel.y * params.spread.y);
  var value = 0.0;
  if (tap >= 0 && h >= 0 && h < i32(params.sizes.x) && w >= 0 && w < i32(params.sizes.y)) {
    value = x[plane + u32(h) * params.sizes.y + u32(w)];
  }
  y[params.yOffset + i] = value;
}
