// y = x ⋆ weight: one invocation makes one element and walks all channels and taps for it.
// grid: ceil(B * O * P * Q / 64)

struct Params {
  B: u32, // images
  C: u32, // channels of an image
  H: u32,
  W: u32,
  O: u32, // channels of the result
  K: u32, // height and width of a kernel
  S: u32, // stride
  Z: u32, // rows and columns of zeros around an image
  P: u32, // height and width of the result
  Q: u32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>;       // [B, C, H, W]
@group(0) @binding(1) var<storage, read> weight: array<f32>;  // [O, C, K, K]
@group(0) @binding(2) var<storage, read_write> y: array<f32>; // [B, O, P, Q]
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * 64 + lane;
  if (index >= params.B * params.O * params.P * params.Q) {
    return;
  }
  let q = index % params.Q;
  let p = index / params.Q % params.P;
  let o = index / (params.P * params.Q) % params.O;
  let image = index / (params.O * params.P * params.Q);
  var sum = 0.0;
  for (var c = 0u; c < params.C; c++) {
    for (var i = 0u; i < params.K; i++) {
      for (var j = 0u; j < params.K; j++) {
        // Left of or above the image the difference wraps to a large number, and is outside too.
        let row = p * params.S + i - params.Z;
        let column = q * params.S + j - params.Z;
        if (row < params.H && column < params.W) {
          sum += x[((image * params.C + c) * params.H + row) * params.W + column]
            * weight[((o * params.C + c) * params.K + i) * params.K + j];
        }
      }
    }
  }
  y[index] = sum;
}
