// matmul: C[b] = epilogue(alpha * A[b] · B[b] (+ bias) (+ C[b])), any strides for A and B, unit column stride for C.
//
// For adapters that run lanes as SIMD on a CPU (lavapipe, SwiftShader), where a barrier costs more than it saves and a
// load is one scalar load and bounds check a lane. So there is no shared memory: a lane keeps ROWS x 4 elements of
// C in registers, and the LANES lanes of a subgroup split the loading of their common rows of A and pass them round.
// The unrolled matrices are on purpose: SwiftShader does not unroll loops, and a loop over an array of accumulators is
// far slower there. Without subgroups, LANES = 1 and every lane loads its own four rows.
//
// Every element has one accumulator that runs over k = 0, 1, ..., K - 1, so its bits depend on its row of A and its
// column of B alone: not on M, N, the batch, the layout or the variant. Past K both operands count as zero.
//
// Grid: x = ceil(N / (4 * max(8, LANES))), y = ceil(M / ROWS), z = batches.

struct Params {
  M: u32,
  N: u32,
  K: u32,
  aOffset: u32, // offsets and strides count elements
  bOffset: u32,
  cOffset: u32,
  biasOffset: u32,
  aRow: u32,
  aColumn: u32,
  bRow: u32,
  bColumn: u32,
  cRow: u32,
  batch1: u32, // batch = i0 * batch1 + i1
  aBatch0: u32,
  aBatch1: u32,
  bBatch0: u32,
  bBatch1: u32,
  cBatch0: u32,
  cBatch1: u32,
  hasBias: u32,
  accumulate: u32,
  alpha: f32,
  activation: u32, // which one the epilogue applies
}

alias T = f32;             // spec: f16
alias AElement = vec4<T>;  // spec: T, when an offset or a stride of A other than the unit one is no multiple of 4
alias BElement = vec4<T>;  // spec: T, likewise
const LANES: u32 = 1;      // spec: the subgroup size, 4, 8 or 16, where it is fixed
const ROWS: u32 = 4;       // rows of C a lane makes: 4, or 8 or 16 when LANES >= 4
const A_ALONG_M = false;   // spec: true when A's rows are its unit stride (A is transposed)
const B_ALONG_K = false;   // spec: true when B's rows are its unit stride (B is transposed)
const WIDTH: u32 = max(8, LANES);
const_assert ROWS <= 4 * LANES && ROWS <= 16 && ROWS % 4 == 0;

@group(0) @binding(0) var<storage, read> a: array<AElement>;
@group(0) @binding(1) var<storage, read> b: array<BElement>;
@group(0) @binding(2) var<storage, read> bias: array<T>; // [N]; never read unless hasBias
@group(0) @binding(3) var<storage, read_write> c: array<T>;
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from `index` on, `stride` apart.
// spec: return vec4f(vec4(a[index], a[index + stride], a[index + 2 * stride], a[index + 3 * stride]));
fn loadA(index: u32, stride: u32) -> vec4f { return vec4f(a[index / 4]); }
fn loadB(index: u32, stride: u32) -> vec4f { return vec4f(b[index / 4]); }

// What the given lane of the subgroup holds. spec: return subgroupShuffle(x, lane);
fn fromLane(x: vec4f, lane: u32) -> vec4f { return x; }

// A block of four rows (or k) of A is held by four holders, one vec4 each: holder h has row h at four k; or, when A runs
// along m, four rows at one k. Holder h is lane h % LANES, in its vector h / LANES.
fn holderIndex(row: u32, holder: u32) -> u32 {
  if (A_ALONG_M) {
    return min(row + holder / 4 * 4, (params.M - 1) / 4 * 4) * params.aRow + holder % 4 * params.aColumn;
  }
  return min(row + holder, params.M - 1) * params.aRow;
}

fn holderLoad(index: u32, holder: u32, k: u32) -> vec4f {
  if (A_ALONG_M) {
    return select(vec4f(), loadA(index, params.aRow), k + holder % 4 < params.K);
  }
  return select(vec4f(), loadA(index, params.aColumn), k + vec4u(0, 1, 2, 3) < vec4u(params.K));
}

// Four holders' vectors -> x[i] = the four rows at k + i.
fn rowsAtEachK(h0: vec4f, h1: vec4f, h2: vec4f, h3: vec4f) -> mat4x4f {
  if (A_ALONG_M) {
    return mat4x4f(h0, h1, h2, h3);
  }
  return transpose(mat4x4f(h0, h1, h2, h3));
}

// What is done to an element before it is stored. spec: a choice of activations by params.activation
fn epilogue(v: vec4f) -> vec4f { return v; }

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

// tile[i] is a row of C: four rows, four columns, four k in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  return (((tile + outer(x[0], y[0])) + outer(x[1], y[1])) + outer(x[2], y[2])) + outer(x[3], y[3]);
}

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let batch0 = group.z / params.batch1;
  let batch1 = group.z % params.batch1;
  let lane = local.x % LANES;
  let row = group.y * ROWS;
  let column = (group.x * WIDTH + local.x) * 4;

  let aBase = params.aOffset + batch0 * params.aBatch0 + batch1 * params.aBatch1;
  var a0 = aBase + holderIndex(row, lane);
  var a1 = aBase + holderIndex(row, lane + LANES);
  var a2 = aBase + holderIndex(row, lane + 2 * LANES);
  var a3 = aBase + holderIndex(row, lane + 3 * LANES);
  let aStep = 4 * params.aColumn;

  let bBase = params.bOffset + batch0 * params.bBatch0 + batch1 * params.bBatch1;
  var b0 = bBase + min(column, (params.N - 1) / 4 * 4) * params.bColumn;
  let bStride = select(params.bColumn, params.bRow, B_ALONG_K); // within a vec4
  let bNext = select(params.bRow, params.bColumn, B_ALONG_K);   // from one vec4 to the next
  let bStep = 4 * params.bRow;

  var tile0 = mat4x4f();
  var tile1 = mat4x4f();
  var tile2 = mat4x4f();
  var tile3 = mat4x4f();
  for (var k = 0u; k < params.K; k += 4) {
    // y[i] = four columns of B at k + i
    var y = mat4x4f(loadB(b0, bStride), loadB(b0 + bNext, bStride), loadB(b0 + 2 * bNext, bStride),
      loadB(b0 + 3 * bNext, bStride));
    b0 += bStep;
    if (B_ALONG_K) {
      y = transpose(y);
    }
    let live = k + vec4u(0, 1, 2, 3) < vec4u(params.K);
    y = mat4x4f(select(vec4f(), y[0], live.x), select(vec4f(), y[1], live.y), select(vec4f(), y[2], live.z),
      select(vec4f(), y[3], live.w));

    var held: mat4x4f;
    held[0] = holderLoad(a0, lane, k);
    a0 += aStep;
    if (ROWS > LANES) {
      held[1] = holderLoad(a1, lane + LANES, k);
      a1 += aStep;
    }
    if (ROWS > 2 * LANES) {
      held[2] = holderLoad(a2, lane + 2 * LANES, k);
      a2 += aStep;
    }
    if (ROWS > 3 * LANES) {
      held[3] = holderLoad(a3, lane + 3 * LANES, k);
      a3 += aStep;
    }
    var x = rowsAtEachK(fromLane(held[0 / LANES], 0 % LANES), fromLane(held[1 / LANES], 1 % LANES),
      fromLane(held[2 / LANES], 2 % LANES), fromLane(held[3 / LANES], 3 % LANES));
    tile0 = update(tile0, x, y);
    if (ROWS > 4) { // % 4 only keeps the index valid where LANES = 1 and this is not reached
      x = rowsAtEachK(fromLane(held[4 / LANES % 4], 4 % LANES), fromLane(held[5 / LANES % 4], 5 % LANES),
        fromLane(held[6 / LANES % 4], 6 % LANES), fromLane(held[7 / LANES % 4], 7 % LANES));
      tile1 = update(tile1, x, y);
    }
    if (ROWS > 8) {
      x = rowsAtEachK(fromLane(held[8 / LANES % 4], 8 % LANES), fromLane(held[9 / LANES % 4], 9 % LANES),
        fromLane(held[10 / LANES % 4], 10 % LANES), fromLane(held[11 / LANES % 4], 11 % LANES));
      tile2 = update(tile2, x, y);
    }
    if (ROWS > 12) {
      x = rowsAtEachK(fromLane(held[12 / LANES % 4], 12 % LANES), fromLane(held[13 / LANES % 4], 13 % LANES),
        fromLane(held[14 / LANES % 4], 14 % LANES), fromLane(held[15 / LANES % 4], 15 % LANES));
      tile3 = update(tile3, x, y);
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let cBase = params.cOffset + batch0 * params.cBatch0 + batch1 * params.cBatch1;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + 4, params.N);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    var values = select(pick(tile0, i), pick(tile1, i), block == 1);
    values = select(values, select(pick(tile2, i), pick(tile3, i), block == 3), block > 1);
    for (var n = column; n < columnEnd; n++) {
      let index = cBase + m * params.cRow + n;
      var value = params.alpha * values.x;
      if (params.hasBias != 0) {
        value += f32(bias[params.biasOffset + n]);
      }
      if (params.accumulate != 0) {
        value += f32(c[index]);
      }
      c[index] = T(epilogue(vec4f(value)).x);
      values = values.yzwx;
    }
  }
}
