// y = x ⋆ weight: one invocation makes four channels of four pixels of a row, so that each number of x and of the weight
// that it reads is used four times.
// grid: ceil(B * ceil(O / 4) * P * ceil(Q / 4) / 64)

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

// Four numbers of x in a row of the image; what lies beside the image is 0.
fn load(begin: u32, columns: vec4u) -> vec4f {
  let inside = columns < vec4u(params.W);
  let at = begin + min(columns, vec4u(params.W - 1));
  return select(vec4f(), vec4f(x[at.x], x[at.y], x[at.z], x[at.w]), inside);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u,
        @builtin(local_invocation_index) lane: u32) {
  let index = (group.y * groups.x + group.x) * 64 + lane;
  let blocks = (params.O + 3) / 4;
  let strips = (params.Q + 3) / 4;
  if (index >= params.B * blocks * params.P * strips) {
    return;
  }
  let q = index % strips * 4;
  let p = index / strips % params.P;
  let o = index / (params.P * strips) % blocks * 4;
  let image = index / (blocks * params.P * strips);
  let channels = min(o + vec4u(0, 1, 2, 3), vec4u(params.O - 1)) * params.C * params.K * params.K;
  var tile = mat4x4f(); // a column is one channel's four pixels
  for (var c = 0u; c < params.C; c++) {
    for (var i = 0u; i < params.K; i++) {
      let row = p * params.S + i - params.Z;
      if (row < params.H) {
        let begin = ((image * params.C + c) * params.H + row) * params.W;
        for (var j = 0u; j < params.K; j++) {
          let pixels = load(begin, (q + vec4u(0, 1, 2, 3)) * params.S + j - params.Z);
          let tap = (c * params.K + i) * params.K + j;
          tile += mat4x4f(weight[channels.x + tap] * pixels, weight[channels.y + tap] * pixels,
            weight[channels.z + tap] * pixels, weight[channels.w + tap] * pixels);
        }
      }
    }
  }
  for (var n = 0u; n < min(4, params.O - o); n++) {
    for (var m = 0u; m < min(4, params.Q - q); m++) {
      y[((image * params.O + o + n) * params.P + p) * params.Q + q + m] = tile[n][m];
    }
  }
}
