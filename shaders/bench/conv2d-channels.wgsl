// y = x ⋆ weight: one invocation makes four channels of one pixel, so that each number of x it reads is used four times.
// grid: ceil(B * ceil(O / 4) * P * Q / 64)

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
  let blocks = (params.O + 3) / 4;
  if (index >= params.B * blocks * params.P * params.Q) {
    return;
  }
  let q = index % params.Q;
  let p = index / params.Q % params.P;
  let o = index / (params.P * params.Q) % blocks * 4;
  let image = index / (blocks * params.P * params.Q);
  // Channels beyond the last read its weights, and are not written.
  let channels = min(o + vec4u(0, 1, 2, 3), vec4u(params.O - 1)) * params.C * params.K * params.K;
  var sum = vec4f();
  for (var c = 0u; c < params.C; c++) {
    for (var i = 0u; i < params.K; i++) {
      for (var j = 0u; j < params.K; j++) {
        let row = p * params.S + i - params.Z;
        let column = q * params.S + j - params.Z;
        if (row < params.H && column < params.W) {
          let tap = (c * params.K + i) * params.K + j;
          let w = vec4f(weight[channels.x + tap], weight[channels.y + tap], weight[channels.z + tap],
            weight[channels.w + tap]);
          sum += x[((image * params.C + c) * params.H + row) * params.W + column] * w;
        }
      }
    }
  }
  for (var n = 0u; n < min(4, params.O - o); n++) {
    y[((image * params.O + o + n) * params.P + p) * params.Q + q] = sum[n];
  }
}
