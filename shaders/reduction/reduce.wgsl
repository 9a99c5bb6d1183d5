// One stage of a reduction of a strided view: y[o, c] combines the elements x[o, r] of chunk c in ascending r. o counts the
// kept axes and r the reduced ones, both row-major, so the order is that of the shape, whatever the strides. The reduced
// elements fall into tiles of `tile`, and the chunks of a tile, `interleave` of them, take its elements in turn: so
// neighbours read neighbours. Stages repeat over the chunks until one is left.
alias X = f32; // what is read; spec: f16, i32, u32, or A in the stages after the first
alias A = f32; // what is accumulated; spec: i32, u32, vec2<f32>, vec2<u32>, vec4<f32>
alias Y = f32; // what is written; spec: f16, i32, u32, or A in the stages before the last
const X_WIDTH: u32 = 1u; // stored numbers an element
const Y_WIDTH: u32 = 1u;
const IS_FLAT: bool = true; // whether the reduced axes lie in memory as one; spec: false

struct Params {
  keptShape0: vec4<u32>, // lengths of kept axes 0 to 3
  keptShape1: vec4<u32>, // lengths of kept axes 4 to 7
  xKept0: vec4<u32>, // strides of x along them
  xKept1: vec4<u32>,
  yKept0: vec4<u32>,
  yKept1: vec4<u32>,
  reducedShape0: vec4<u32>,
  reducedShape1: vec4<u32>,
  xReduced0: vec4<u32>,
  xReduced1: vec4<u32>,
  count: u32, // kept · chunks
  kept: u32, // elements of the kept axes
  keptRank: u32,
  length: u32, // elements of the reduced axes
  reducedRank: u32,
  chunks: u32,
  tile: u32,
  interleave: u32,
  yChunk: u32, // stride of y from chunk to chunk
  chunksFirst: u32, // whether neighbouring invocations take neighbouring chunks, not kept elements
  begin: u32, // index of the first element along the reduced axes
  xOffset: u32,
  yOffset: u32,
  a: f32, // numbers for `prepare` and `finish`
  b: f32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read_write> y: array<Y>;
@group(1) @binding(0) var<uniform> params: Params;

fn prepare(v: X, index: u32) -> A { return A(v); }
fn combine(a: A, b: A) -> A { return a + b; }
fn finish(a: A) -> Y { return Y(a); }

fn pick(low: vec4<u32>, high: vec4<u32>, axis: u32) -> u32 {
  return select(high[axis & 3u], low[axis & 3u], axis < 4u);
}

fn reducedPlace(r: u32) -> u32 {
  if (IS_FLAT) {
    return r * params.xReduced0.x;
  }
  var rest = r;
  var place = 0u;
  for (var axis = params.reducedRank; axis > 1u; axis--) {
    let length = pick(params.reducedShape0, params.reducedShape1, axis - 1u);
    let outer = rest / length;
    place += (rest - outer * length) * pick(params.xReduced0, params.xReduced1, axis - 1u);
    rest = outer;
  }
  return place + rest * params.xReduced0.x;
}

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
  let fast = select(params.kept, params.chunks, params.chunksFirst == 1u);
  let chunk = select(i / fast, i % fast, params.chunksFirst == 1u);
  var rest = select(i % fast, i / fast, params.chunksFirst == 1u);
  var p = params.xOffset / X_WIDTH;
  var q = params.yOffset / Y_WIDTH + chunk * params.yChunk;
  for (var axis = params.keptRank; axis > 0u; axis--) {
    let length = pick(params.keptShape0, params.keptShape1, axis - 1u);
    let index = rest % length;
    rest /= length;
    p += index * pick(params.xKept0, params.xKept1, axis - 1u);
    q += index * pick(params.yKept0, params.yKept1, axis - 1u);
  }
  let first = (chunk / params.interleave) * params.tile + chunk % params.interleave;
  let end = min((chunk / params.interleave + 1u) * params.tile, params.length);
  let step = params.interleave * params.xReduced0.x;
  var place = p + reducedPlace(first);
  var result = prepare(x[place], params.begin + first);
  for (var r = first + params.interleave; r < end; r += params.interleave) {
    if (IS_FLAT) {
      place += step;
    } else {
      place = p + reducedPlace(r);
    }
    result = combine(result, prepare(x[place], params.begin + r));
  }
  y[q] = finish(result);
}
