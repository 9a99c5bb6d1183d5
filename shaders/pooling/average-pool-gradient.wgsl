// Gradient of average pooling: dx [planes, height, width] sums, for each element, g [planes, outHeight, outWidth] of the
// windows that hold it over their counts, row by row. Every element gathers its own: a fixed order, no atomics.
struct Params {
  sizes: vec4<u32>, // height, width, outHeight, outWidth
  kernel: vec4<u32>, // height, width, stride down, stride right
  padding: vec4<u32>, // top, left, bottom, right
  spread: vec4<u32>, // dilation down, dilation right, adaptive, include padding in counts
  count: u32, // planes * height * width
  gOffset: u32,
  dxOffset: u32,
}

@group(0) @binding(0) var<storage, read> g: array<f32>;
@group(0) @binding(1) var<storage, read_write> dx: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

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

fn dividedUp(a: u32, b: u32) -> u32 {
  if (b == 1u) { // nearly always: division is slow
    return a;
  }
  return (a + b - 1u) / b;
}

/** What output `o`'s window counts along an axis if it has a place at `p`, else 0. */
fn countOver(o: u32, p: u32, axis: u32) -> u32 {
  let size = params.sizes[axis];
  if (params.spread.z != 0u) {
    let n = params.sizes[axis + 2u];
    return ((o + 1u) * size + n - 1u) / n - o * size / n;
  }
  let step = params.spread[axis];
  let begin = o * params.kernel[axis + 2u]; // counted from the start of the padding
  let before = params.padding[axis];
  if (step > 1u && (p + before - begin) % step != 0u) {
    return 0u;
  }
  if (params.spread.w != 0u) {
    return min(params.kernel[axis], dividedUp(before + size + params.padding[axis + 2u] - begin, step));
  }
  let skipped = dividedUp(max(before, begin) - begin, step);
  return min(params.kernel[axis], dividedUp(before + size - begin, step)) - skipped;
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
  let downs = windowsOver(h, 0u);
  let rights = windowsOver(w, 1u);

  var total = 0.0;
  for (var down = downs.x; down < downs.y; down++) {
    let rows = countOver(down, h, 0u);
    for (var right = rights.x; right < rights.y; right++) {
      let count = rows * countOver(right, w, 1u);
      if (count > 0u) {
        total += g[plane + down * params.sizes.w + right] / f32(count);
      }
    }
  }
  dx[params.dxOffset + i] = total;
}
