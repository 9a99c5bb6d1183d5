// From the sum of squares of a gradient: result[0] = min(1, limit / (norm + 1e-6)), result[1] = norm.
struct Params {
  limit: f32,
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  let norm = sqrt(x[params.xOffset]);
  y[params.yOffset] = min(1.0, params.limit / (norm + 1e-6));
  y[params.yOffset + 1u] = norm;
}
