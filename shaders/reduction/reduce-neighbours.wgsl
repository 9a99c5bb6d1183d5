// One stage of a reduction as in reduce.wgsl, four neighbouring results an invocation, where what they read lies side by
// side: the elements of four chunks that take turns, or those of four results along the last kept axis. Each result
// combines the same elements in the same order.
alias X = f32; // what is read; spec: f16, i32, u32, or A in the stages after the first
alias A = f32; // what is accumulated; spec: i32, u32
alias Y = f32; // what is written; spec: f16, i32, u32, or A in the stages before the last
const ACROSS_CHUNKS: bool = true; // whether the four are chunks of one result; spec: false, results of one chunk

struct Params {
  keptShape0: vec4<u32>, // lengths of kept axes 0 to 3
  keptShape1: vec4<u32>, // lengths of kept axes 4 to 7
  xKept0: vec4<u32>, // strides of x along them
  xKept1: vec4<u32>,
  yKept0: vec4<u32>,
  yKept1: vec4<u32>,
  count: u32, // groups of four
  fast: u32, // of them, of one result or of one chunk
  keptRank: u32,
  length: u32, // elements of the reduced axes
  xStep: u32, // stride of x along them
  chunks: u32,
  tile: u32,
  interleave: u32,
  yChunk: u32, // stride of y from chunk to chunk
  xOffset: u32,
  yOffset: u32,
  a: f32, // numbers for `prepare` and `finish`
  b: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<X>>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(1) @binding(0) var<uniform> params: Params;

fn prepare(v: X, index: u32) -> A { return A(v); }
fn combine(a: A, b: A) -> A { return a + b; }
fn finish(a: A) -> Y { return Y(a); }

fn prepareFour(v: vec4<X>) -> vec4<A> {
  return vec4(prepare(v.x, 0u), prepare(v.y, 0u), prepare(v.z, 0u), prepare(v.w, 0u));
}

fn combineFour(a: vec4<A>, b: vec4<A>) -> vec4<A> {
  return vec4(combine(a.x, b.x), combine(a.y, b.y), combine(a.z, b.z), combine(a.w, b.w));
}

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

@compute @workgroup_size(16)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 16u + lane;
  if (i >= params.count) {
    return;
  }
  let chunk = select(i / params.fast, i % params.fast * 4u, ACROSS_CHUNKS);
  var rest = select(i % params.fast * 4u, i / params.fast, ACROSS_CHUNKS);
  var p = params.xOffset;
  var q = params.yOffset + chunk * params.yChunk;
  for (var axis = params.keptRank; axis > 0u; axis--) {
    let length = pick(params.keptShape0, params.keptShape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.xKept0, params.xKept1, axis - 1u);
    q += index * pick(params.yKept0, params.yKept1, axis - 1u);
  }
  let first = (chunk / params.interleave) * params.tile + chunk % params.interleave;
  let end = min((chunk / params.interleave + 1u) * params.tile, params.length);
  // The last elements of a chunk may be missing from some of the four.
  let whole = select(end, max(end, 3u) - 3u, ACROSS_CHUNKS);
  let step = params.interleave * params.xStep / 4u;
  var place = (p + first * params.xStep) / 4u;
  var result = prepareFour(x[place]);
  var r = first + params.interleave;
  for (; r < whole; r += params.interleave) {
    place += step;
    result = combineFour(result, prepareFour(x[place]));
  }
  if (ACROSS_CHUNKS && r < end) {
    let last = combineFour(result, prepareFour(x[place + step]));
    result = select(result, last, vec4(r, r + 1u, r + 2u, r + 3u) < vec4(end));
  }
  let yStep = select(1u, params.yChunk, ACROSS_CHUNKS);
  for (var k = 0u; k < 4u; k++) {
    if (!ACROSS_CHUNKS || chunk + k < params.chunks) {
      y[q + k * yStep] = finish(result[k]);
    }
  }
}
