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

/** Which place `p` is of those of output `o`'s window along an axis, counted from its start; -1 if it is none. */
fn placeIn(o: u32, p: u32, axis: u32) -> i32 {
  if (params.spread.z != 0u) {
    return i32(p - o * params.sizes[axis] / params.sizes[axis + 2u]);
  }
  let distance = p + params.padding[axis] - o * params.kernel[axis + 2u];
  let step = params.spread[axis];
  if (step == 1u) { // nearly always: division is slow
    return i32(distance);
  }
  return select(-1, i32(distance / step), distance % step == 0u);
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
  let line = i / params.sizes.y;
  let index = line / params.sizes.x;
  let w = i - line * params.sizes.y;
  let h = line - index * params.sizes.x;
  let plane = index * params.sizes.z * params.sizes.w;
  let downs = windowsOver(h, 0u);
  let rights = windowsOver(w, 1u);

  var total = 0.0;
  for (var down = downs.x; down < downs.y; down++) {
    let row = placeIn(down, h, 0u);
    if (row < 0) {
      continue;
    }
    for (var right = rights.x; right < rights.y; right++) {
      let column = placeIn(right, w, 1u);
      let o = plane + down * params.sizes.w + right;
      if (column >= 0 && taps[params.tapsOffset + o] == row * i32(params.kernel.y) + column) {
        total += g[params.gOffset + o];
      }
    }
  }
  dx[params.dxOffset + i] = total;
}
