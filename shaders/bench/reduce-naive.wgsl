// y = Σ x in two dispatches: 256 invocations of one workgroup add a stretch of neighbouring numbers each; then one adds what
// they found.
// grid: 1
// grid: 1

struct Params {
  N: u32,
  stage: u32, // which dispatch this is
}

const LANES: u32 = 256u;

@group(0) @binding(0) var<storage, read> x: array<f32>;             // [N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;       // [1]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [65536], between the dispatches
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(LANES)
fn main(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  if (params.stage == 0) {
    let length = (params.N + LANES - 1) / LANES;
    for (var i = lane * length; i < min((lane + 1) * length, params.N); i++) {
      sum += x[i];
    }
    partial[lane] = sum;
  } else if (lane == 0) {
    for (var i = 0u; i < LANES; i++) {
      sum += partial[i];
    }
    y[0] = sum;
  }
}
