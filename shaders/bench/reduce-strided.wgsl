// y = Σ x in two dispatches: 4096 invocations add every 4096th number each, neighbours reading neighbouring numbers; then
// one adds what they found.
// grid: LANES / 64
// grid: 1

struct Params {
  N: u32,
  stage: u32, // which dispatch this is
}

const LANES: u32 = 4096u;

@group(0) @binding(0) var<storage, read> x: array<f32>;             // [N]
@group(0) @binding(1) var<storage, read_write> y: array<f32>;       // [1]
@group(0) @binding(2) var<storage, read_write> partial: array<f32>; // [65536], between the dispatches
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = 0.0;
  if (params.stage == 0) {
    for (var i = id.x; i < params.N; i += LANES) {
      sum += x[i];
    }
    partial[id.x] = sum;
  } else if (id.x == 0) {
    for (var i = 0u; i < LANES; i++) {
      sum += partial[i];
    }
    y[0] = sum;
  }
}
