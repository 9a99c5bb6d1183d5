// Gradient of max pooling: dx [planes, height, width] sums, for each element, g [planes, outHeight, outWidth] of the
// windows whose tap names it, row by row. Every element gathers its own, so the order is fixed and no atomics are needed.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  kernel: vec4<u32>, // height, width, stride down, stride right
  padding: vec4<u32>, // top, left, bottom, right
  spread: vec4<u32>, // dilation down, dilation right, adaptive, include padding in counts
  count: u32, // planes * height * width
  gOffset: u32,
  tapsOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read> taps: array<i32>;
@group(0) @binding(2) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

/** Where the window of output `o` starts along an axis; before 0 in the padding. */
fn windowBegin(o: u32, axis: u32) -> i32 {
  if (params.spread.z != 0u) {
    return i32(o * params.sizes[axis] / params.sizes[axis + 2u]);
  }
  return i32(o * params.kernel[axis + 2u]) - i32(params.padding[axis]);
}

/** First output along an axis whose window may hold place `p`, and the one after the last. */
fn windowsOver(p: u32, axis: u32) -> vec2<u32> {
  let n = params.sizes[axis + 2u];
  if (params.spread.z != 0u) {
    let size = params.sizes[axis];
    return vec2<u32>(p * n / size, ((p + 1u) * n + size - 1u) / size);
  }
  let stride = params.kernel[axis + 2u];
  let padded = p + params.padding[axis];
  let reach = (params.kernel[axis] - 1u) * params.spread[axis];
  let first = select(0u, (padded - reach + stride - 1u) / stride, padded > reach);
  return vec2<u32>(first, min(padded / stride + 1u, n));
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
  let w = i % params.sizes.y;
  let rest = i / params.sizes.y;
  let h = rest % params.sizes.x;
  let plane = (rest / params.sizes.x) * params.sizes.z * params.sizes.w;
  let downs = windowsOver(h, 0u);
  let rights = windowsOver(w, 1u);

  var total = 0.0;
  for (var down = downs.x; down < downs.y; down++) {
    let fromTop = u32(i32(h) - windowBegin(down, 0u));
    for (var right = rights.x; right < rights.y; right++) {
      let fromLeft = u32(i32(w) - windowBegin(right, 1u));
      let tap = fromTop / params.spread.x * params.kernel.y + fromLeft / params.spread.y;
      let isPlace = fromTop % params.spread.x == 0u && fromLeft % params.spread.y == 0u;
      let o = plane + down * params.sizes.w + right;
      if (isPlace && taps[params.tapsOffset + o] == i32(tap)) {
        total += g[params.gOffset + o];
      }
    }
  }
  dx[params.dxOffset + i] = total;
}
