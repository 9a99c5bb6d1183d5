// One digit of a stable radix sort, second half: every chunk puts its pairs, in order, where the counts before it say.
const CHUNK: u32 = 128; // as in radix-count.wgsl

struct Params {
  count: u32, // pairs
  chunks: u32,
  shift: u32, // of the digit of four bits
}

@group(0) @binding(0) var<storage, read> pairs: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read_write> next: array<u32>; // [16, chunks], used up
@group(0) @binding(2) var<storage, read_write> placed: array<vec2<u32>>;
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
  for (var i = t * CHUNK; i < end; i++) {
    let pair = pairs[i];
    let counter = ((pair.x >> params.shift) & 15u) * params.chunks + t;
    let place = next[counter];
    next[counter] = place + 1u;
    placed[place] = pair;
  }
}
