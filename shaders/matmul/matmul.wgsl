// matmul: C[b] = epilogue(alpha * A[b] · B[b] (+ bias) (+ C[b])) (+ residual[b]), any strides for A and B, unit column
// stride for C and the residual.
//
// For adapters that run lanes as SIMD on a CPU (lavapipe, SwiftShader), where a barrier costs more than it saves and a
// load is one scalar load and bounds check a lane and element. So there is no shared memory: a lane keeps ROWS x COLUMNS
// elements of C in registers, and the LANES lanes of a subgroup split the loading of their common rows of A and pass them
// round. More k a round (DEPTH) would save stores of accumulators, but the code must fit into the processor's first
// instruction cache: that is what bounds ROWS * COLUMNS * DEPTH. With four lanes, as on SwiftShader, passing round costs more
// than that: there all k that a vector holds are used at once. The unrolled matrices are on purpose: SwiftShader does not
// unroll loops, and a loop over an array of accumulators is far slower there. Without subgroups, LANES = 1 and every lane
// loads its own four rows.
//
// Every element has one accumulator that runs over k = 0, 1, ..., K - 1, so its bits depend on its row of A and its
// column of B alone: not on M, N, the batch, the layout or the variant. Past K both operands count as zero.
//
// Grid: x = ceil(M / ROWS), y = ceil(N / (COLUMNS * max(8, LANES))), z = batches. Workgroups next to each other share columns of
// B, of which most is read: they are then in the cache.

const LANES: u32 = 1;    // spec: the subgroup size, 4, 8 or 16, where it is fixed
const ROWS: u32 = 4;     // rows of C a lane makes: 4, or 16 or 32 when LANES >= 4
const COLUMNS: u32 = 4;  // columns of C a lane makes: 4, or 8 when ROWS <= 16
const DEPTH: u32 = 4;    // k a round: 1 (only when A_ALONG_M), 2 or 4
const WIDTH: u32 = max(8, LANES); // spec: 64 on GPUs
const SPAN: u32 = select(4, DEPTH, A_ALONG_M); // holders of a block of four rows of A
const HOLDERS: u32 = ROWS / 4 * SPAN;
const_assert HOLDERS <= 4 * LANES && ROWS * COLUMNS <= 128 && ROWS % 4 == 0;
const_assert DEPTH == 4 || (!B_ALONG_K && (DEPTH == 2 || A_ALONG_M));

// A block of four rows of A is held by SPAN holders, one vec4 each: holder h has row h at four k; or, when A runs along m,
// the four rows at k + h. Holder h is lane h % LANES, in its vector h / LANES.
fn holderIndex(row: u32, holder: u32) -> u32 {
  if (A_ALONG_M) {
    return min(row + holder / SPAN * 4, (params.M - 1) / 4 * 4) * params.aRow + holder % SPAN * params.aColumn;
  }
  return min(row + holder, params.M - 1) * params.aRow;
}

fn holderLoad(index: u32, holder: u32, k: u32) -> vec4f {
  if (A_ALONG_M) {
    return select(vec4f(), loadA(index, params.aRow), k + holder % SPAN < params.K);
  }
  return select(vec4f(), loadA(index, params.aColumn), k + vec4u(0, 1, 2, 3) < vec4u(params.K));
}

fn fromHolder(held: mat4x4f, h: u32) -> vec4f { return fromLane(held[h / LANES % 4], h % LANES); }

// x[i] = the four rows of a block at k + i, for i < DEPTH.
fn rowsOf(held: mat4x4f, block: u32) -> mat4x4f {
  let h = block * SPAN;
  var x: mat4x4f;
  if (LANES > 1 && SPAN == 4) {
    x = fromFour(held[h / LANES % 4], h % LANES);
  } else {
    x = mat4x4f(fromHolder(held, h), fromHolder(held, h + min(1, SPAN - 1)), fromHolder(held, h + min(2, SPAN - 1)),
      fromHolder(held, h + min(3, SPAN - 1)));
  }
  if (A_ALONG_M) {
    return x;
  }
  return transpose(x);
}

// y[i] = four columns of B at k + i, for i < DEPTH.
fn columnsOf(index: u32, k: u32) -> mat4x4f {
  let stride = select(params.bColumn, params.bRow, B_ALONG_K); // within a vec4
  let next = select(params.bRow, params.bColumn, B_ALONG_K);   // from one vec4 to the next
  var y: mat4x4f;
  y[0] = loadB(index, stride);
  if (DEPTH > 1) {
    y[1] = loadB(index + next, stride);
  }
  if (DEPTH > 2) {
    y[2] = loadB(index + 2 * next, stride);
    y[3] = loadB(index + 3 * next, stride);
  }
  if (B_ALONG_K) {
    y = transpose(y);
  }
  let live = k + vec4u(0, 1, 2, 3) < vec4u(params.K);
  return mat4x4f(y[0], select(vec4f(), y[1], live.y), select(vec4f(), y[2], live.z), select(vec4f(), y[3], live.w));
}

// tile[i] is a row of C: four rows, four columns, DEPTH k in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  var t = addOuter(tile, x[0], y[0]);
  if (DEPTH > 1) {
    t = addOuter(t, x[1], y[1]);
  }
  if (DEPTH > 2) {
    t = addOuter(addOuter(t, x[2], y[2]), x[3], y[3]);
  }
  return t;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_id) local: vec3u) {
  let batch0 = group.z / params.batch1;
  let batch1 = group.z % params.batch1;
  let lane = local.x % LANES;
  let row = group.x * ROWS;
  let column = (group.y * WIDTH + local.x) * COLUMNS;

  let aBase = params.aOffset + batch0 * params.aBatch0 + batch1 * params.aBatch1;
  var a0 = aBase + holderIndex(row, lane);
  var a1 = aBase + holderIndex(row, lane + LANES);
  var a2 = aBase + holderIndex(row, lane + 2 * LANES);
  var a3 = aBase + holderIndex(row, lane + 3 * LANES);
  let aStep = select(4, DEPTH, A_ALONG_M) * params.aColumn;

  let bBase = params.bOffset + batch0 * params.bBatch0 + batch1 * params.bBatch1;
  let lastColumn = (params.N - 1) / 4 * 4;
  var b0 = bBase + min(column, lastColumn) * params.bColumn;
  var b1 = bBase + min(column + 4, lastColumn) * params.bColumn;
  let bStep = DEPTH * params.bRow;

  // Blocks of four rows from the top; with eight columns a lane, two tiles each, side by side.
  var tile0 = mat4x4f();
  var tile1 = mat4x4f();
  var tile2 = mat4x4f();
  var tile3 = mat4x4f();
  var tile4 = mat4x4f();
  var tile5 = mat4x4f();
  var tile6 = mat4x4f();
  var tile7 = mat4x4f();
  var held: mat4x4f;
  for (var k = 0u; k < params.K; k += DEPTH) {
    if (A_ALONG_M || DEPTH == 4 || k % 4 == 0) {
      held[0] = holderLoad(a0, lane, k);
      a0 += aStep;
      if (HOLDERS > LANES) {
        held[1] = holderLoad(a1, lane + LANES, k);
        a1 += aStep;
      }
      if (HOLDERS > 2 * LANES) {
        held[2] = holderLoad(a2, lane + 2 * LANES, k);
        a2 += aStep;
      }
      if (HOLDERS > 3 * LANES) {
        held[3] = holderLoad(a3, lane + 3 * LANES, k);
        a3 += aStep;
      }
    }
    let y = columnsOf(b0, k);
    b0 += bStep;
    if (COLUMNS == 4) {
      tile0 = update(tile0, rowsOf(held, 0), y);
      if (ROWS > 4) {
        tile1 = update(tile1, rowsOf(held, 1), y);
        tile2 = update(tile2, rowsOf(held, 2), y);
        tile3 = update(tile3, rowsOf(held, 3), y);
      }
      if (ROWS > 16) {
        tile4 = update(tile4, rowsOf(held, 4), y);
        tile5 = update(tile5, rowsOf(held, 5), y);
        tile6 = update(tile6, rowsOf(held, 6), y);
        tile7 = update(tile7, rowsOf(held, 7), y);
      }
    } else {
      let z = columnsOf(b1, k);
      b1 += bStep;
      var x = rowsOf(held, 0);
      tile0 = update(tile0, x, y);
      tile1 = update(tile1, x, z);
      if (ROWS > 4) {
        x = rowsOf(held, 1);
        tile2 = update(tile2, x, y);
        tile3 = update(tile3, x, z);
        x = rowsOf(held, 2);
        tile4 = update(tile4, x, y);
        tile5 = update(tile5, x, z);
        x = rowsOf(held, 3);
        tile6 = update(tile6, x, y);
        tile7 = update(tile7, x, z);
      }
    }
    if (!A_ALONG_M && DEPTH == 2) {
      held = mat4x4f(held[0].zwxy, held[1].zwxy, held[2].zwxy, held[3].zwxy);
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  // Parameters are read before the loops: within, lavapipe would read them for each lane.
  let cBase = params.cOffset + batch0 * params.cBatch0 + batch1 * params.cBatch1;
  let residualBase = params.residualOffset + batch0 * params.residualBatch0 + batch1 * params.residualBatch1;
  let cRow = params.cRow;
  let residualRow = params.residualRow;
  let biasOffset = params.biasOffset;
  let hasBias = params.hasBias != 0;
  let accumulate = params.accumulate != 0;
  let hasResidual = params.hasResidual != 0;
  let alpha = params.alpha;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + COLUMNS, params.N);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    var values: vec4f;
    var more: vec4f;
    if (COLUMNS == 4) {
      values = pickOf(tile0, tile1, tile2, tile3, block % 4, i);
      more = pickOf(tile4, tile5, tile6, tile7, block % 4, i);
      values = select(values, more, block > 3);
    } else {
      values = pickOf(tile0, tile2, tile4, tile6, block, i);
      more = pickOf(tile1, tile3, tile5, tile7, block, i);
    }
    for (var n = column; n < columnEnd; n++) {
      let index = cBase + m * cRow + n;
      var value = alpha * values.x;
      if (hasBias) {
        value += bias[biasOffset + n];
      }
      if (accumulate) {
        value += c[index];
      }
      keep(index, value);
      value = epilogue(vec4f(value)).x;
      if (hasResidual) {
        value += residual[residualBase + m * residualRow + n];
      }
      c[index] = value;
      values = vec4f(values.yzw, more.x);
      more = more.yzww;
    }
  }
}
