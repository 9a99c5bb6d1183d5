// One stage of a reduction over the middle axis of x [outer, length, inner]: y [outer, chunks, inner].
// An invocation reduces `chunk` elements in order; stages repeat until one chunk is left.
alias T = f32; // spec: i32, u32

struct Params {
  count: u32, // outer * chunks * inner
  length: u32,
  inner: u32,
  chunk: u32,
  chunks: u32,
  xOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<T>;
@group(0) @binding(1) var<storage, read_write> y: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

fn prepare(v: T) -> T { return v; }
fn combine(a: T, b: T) -> T { return a + b; }

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.count) {
    return;
  }
  let column = i % params.inner;
  let chunk = (i / params.inner) % params.chunks;
  let row = i / (params.inner * params.chunks);
  let begin = chunk * params.chunk;
  let end = min(begin + params.chunk, params.length);
  var p = params.xOffset + (row * params.length + begin) * params.inner + column;
  var result = prepare(x[p]);
  for (var k = begin + 1u; k < end; k++) {
    p += params.inner;
    result = combine(result, prepare(x[p]));
  }
  y[params.yOffset + i] = result;
}
