// Running sums along the middle axis of x [outer, length, inner]. An invocation adds the elements of one chunk of a row
// in order, starting from nothing, and adds the chunk's offset to each of its running sums.
alias X = f32; // what is read; spec: f16, i32, u32
alias A = f32; // what is accumulated; spec: i32, u32
alias Y = f32; // what is written; spec: f16, i32, u32
const START: A = A(0); // spec: A(1) for products
const ONLY_TOTALS: bool = false; // spec: true writes the total of each chunk alone, y [outer, chunks, inner]

struct Params {
  count: u32, // outer · chunks · inner
  length: u32,
  inner: u32,
  chunk: u32,
  chunks: u32,
  exclusive: u32, // whether an element is left out of its own sum
  reverse: u32, // whether the axis is walked from its end
  hasOffsets: u32,
  xOffset: u32,
  offsetsOffset: u32,
  yOffset: u32,
}

@group(0) @binding(0) var<storage, read> x: array<X>;
@group(0) @binding(1) var<storage, read> offsets: array<A>; // [outer, chunks, inner]
@group(0) @binding(2) var<storage, read_write> y: array<Y>;
@group(1) @binding(0) var<uniform> params: Params;

fn combine(a: A, b: A) -> A { return a + b; }

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
  var offset = START;
  if (params.hasOffsets == 1u) {
    offset = offsets[params.offsetsOffset + i];
  }
  var total = START;
  for (var k = begin; k < end; k++) {
    let place = select(k, params.length - 1u - k, params.reverse == 1u);
    let p = (row * params.length + place) * params.inner + column;
    let before = total;
    total = combine(total, A(x[params.xOffset + p]));
    if (!ONLY_TOTALS) {
      let running = select(total, before, params.exclusive == 1u);
      y[params.yOffset + p] = Y(select(running, combine(offset, running), params.hasOffsets == 1u));
    }
  }
  if (ONLY_TOTALS) {
    y[params.yOffset + i] = Y(total);
  }
}
