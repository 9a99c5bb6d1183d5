// One digit of a stable radix sort, first half: counts[digit, t] = how often the digit occurs in chunk t of the pairs.
// Summed up before each, the counts tell where every chunk puts its pairs.
const CHUNK: u32 = 128; // counted in bytes: below 256

struct Params {
  count: u32, // pairs
  chunks: u32,
  shift: u32, // of the digit of four bits
}

@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> counts: array<u32>;
@group(1) @binding(0) var<uniform> params: Params;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let t = (group.y * groups.x + group.x) * 64u + lane;
  if (t >= params.chunks) {
    return;
  }
  let end = min((t + 1u) * CHUNK, params.count);
  var totals = vec4<u32>(0u); // sixteen counters of a byte
  for (var i = t * CHUNK; i < end; i++) {
    let digit = (pairs[i].x >> params.shift) & 15u;
    let one = vec4<u32>(1u << ((digit & 3u) * 8u));
    totals += select(vec4<u32>(0u), one, vec4<u32>(digit >> 2u) == vec4<u32>(0u, 1u, 2u, 3u));
  }
  for (var digit = 0u; digit < 16u; digit++) {
    counts[digit * params.chunks + t] = (totals[digit >> 2u] >> ((digit & 3u) * 8u)) & 255u;
  }
}
