// Counter-based random numbers: element i depends on (seed, i) alone, through Threefry-2x32 with 20 rounds
// (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405). Integer arithmetic only, and conversions that
// are exact in f32, so every adapter gives the same bits. RUN elements an invocation.
const RUN: u32 = 1u; // spec: 16u

struct Params {
  count: u32,
  first: u32, // number of the first element, where a tensor is filled in windows
  seed0: u32,
  seed1: u32,
  xOffset: u32,
  residualOffset: u32,
  tableOffset: u32,
  yOffset: u32,
  threshold: u32, // dropout: elements with 24 random bits below it are dropped
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<f32>; // dropout: the input
@group(0) @binding(1) var<storage, read> residual: array<f32>; // dropout with a residual: what is added
@group(0) @binding(2) var<storage, read> quantiles: array<i32>; // normal: the table of quantiles
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn rotate(x: u32, bits: u32) -> u32 {
  return (x << bits) | (x >> (32u - bits));
}

fn threefry(counter: vec2<u32>, key: vec2<u32>) -> vec2<u32> {
  var rotations = array<u32, 8>(13u, 15u, 26u, 6u, 17u, 29u, 16u, 24u);
  var keys = array<u32, 3>(key.x, key.y, key.x ^ key.y ^ 0x1BD11BDAu);
  var v = counter + key;
  for (var round = 0u; round < 20u; round++) {
    v.x += v.y;
    v.y = rotate(v.y, rotations[round % 8u]) ^ v.x;
    if (round % 4u == 3u) {
      let block = round / 4u + 1u;
      v.x += keys[block % 3u];
      v.y += keys[(block + 1u) % 3u] + block;
    }
  }
  return v;
}

// Uniform in [0, 1) with 24 bits.
fn uniform24(bits: vec2<u32>) -> f32 {
  return f32(bits.x >> 8u) * 5.9604644775390625e-8;
}

fn generate(i: u32, bits: vec2<u32>) -> f32 { return uniform24(bits) * params.scale; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let begin = ((group.y * groups.x + group.x) * 64u + lane) * RUN;
  let end = min(begin + RUN, params.count);
  for (var i = begin; i < end; i++) {
    y[params.yOffset + i] = generate(i, threefry(vec2<u32>(params.first + i, 0u), vec2<u32>(params.seed0, params.seed1)));
  }
}
