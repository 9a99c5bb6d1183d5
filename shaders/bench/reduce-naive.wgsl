// y = Σ x: one invocation adds all numbers, one after another.
// grid: 1

struct Params {
  N: u32,
  stage: u32, // which dispatch this is
}

@group(0) @binding(0) var<storage, read> x: array<f32>;             // [N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;       // [1]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [65536], between the dispatches
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(1)
fn main() {
  var sum = 0.0;
  for (var i = 0u; i < params.N; i++) {
    sum += x[i];
  }
  y[0] = sum;
}
