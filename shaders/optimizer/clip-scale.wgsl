// From sums of squares of gradients, added in order: y[0] = min(1, limit / (norm + 1e-6)), y[1] = norm, and y[2] = 1 where
// the norm is no finite number and such a step is to be left out, else 0.
struct Params {
  count: u32,
  limit: f32,
  skipsNonFinite: u32,
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;
@group(0) @binding(1) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var total = 0.0;
  for (var i = 0u; i < params.count; i++) {
    total += x[params.xOffset + i];
  }
  let norm = sqrt(total);
  let isFinite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
  y[params.yOffset] = min(1.0, params.limit / (norm + 1e-6));
  y[params.yOffset + 1u] = norm;
  y[params.yOffset + 2u] = select(f32(params.skipsNonFinite), 0.0, isFinite);
}
