// convolution: the product of convolution-product.wgsl in register tiles, ROWS x 4 elements a lane.
//
// For adapters that run lanes as SIMD on a CPU. Four steps of the inner index (i, j, l) at a time, counted through all of the
// part, so that few channels waste none.

const ROWS: u32 = 4; // rows a lane makes: 4, or 16 or 32 when LANES >= 4; 32 when LANES >= 8
const_assert ROWS <= 4 * LANES && ROWS <= 32 && ROWS % 4 == 0;

// A row of A at four steps: what a holder has.
fn holderLoad(row: u32, at: vec4u, live: vec4<bool>) -> vec4f {
  let index = row + at;
  return select(vec4f(), vec4f(a[index.x], a[index.y], a[index.z], a[index.w]), live);
}

// Which of four columns lie in S.
fn inside(bounds: vec2u, y: vec4i, x: vec4i) -> vec4<bool> {
  return (vec4u(y) < vec4u(bounds.x)) & (vec4u(x) < vec4u(bounds.y));
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u) {
  let index = workgroup.y * workgroups.x + workgroup.x;
  if (index >= params.tiles) {
    return;
  }
  let task = taskOf(index);
  let row = task.rowTile * ROWS;
  let firstColumn = task.columnTile * (4 * WIDTH);
  if (firstColumn >= task.N) {
    return;
  }
  let column = firstColumn + 4 * local.x;
  let c = columnsFrom(column, task.V, task.W);
  let origin = originOf(c, task);
  let aRow = rowsFrom(row + vec4u(local.x % LANES) + vec4u(0, 1, 2, 3) * LANES, task);
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;

  let depth = task.depth;
  let steps = (task.ijEnd - min(task.ijBegin, task.ijEnd)) * depth;
  let four = vec4u(0, 1, 2, 3);
  let wrap = max(depth, 1u);
  let wrapJ = max(task.J, 1u);
  var l = four % wrap;
  var j = (task.ijBegin + four / wrap) % wrapJ;
  var i = (task.ijBegin + four / wrap) / wrapJ;
  let nextL = 4 % wrap;
  let nextJ = 4 / wrap % wrapJ;
  let nextI = 4 / wrap / wrapJ;
  var tile0 = mat4x4f();
  var tile1 = mat4x4f();
  var tile2 = mat4x4f();
  var tile3 = mat4x4f();
  var tile4 = mat4x4f();
  var tile5 = mat4x4f();
  var tile6 = mat4x4f();
  var tile7 = mat4x4f();
  // Read before the loop: within, lavapipe would read parameters for each lane.
  let sI = params.sI;
  let sJ = params.sJ;
  let sL = params.sL;
  let iY = params.iY;
  let jY = params.jY;
  let jX = params.jX;
  let lX = params.lX;
  let aL = params.aL;
  let bounds = vec2u(params.height, params.width);
  var sAt: vec4u;
  var stepY: vec4i;
  var stepX: vec4i;
  var held: mat4x4f;
  for (var step = 0u; step < steps; step += DEPTH) {
    if (DEPTH == 4 || step % 4 == 0) {
      let live = step + four < vec4u(steps);
      sAt = i * sI + j * sJ + l * sL;
      // A step past the end is far outside of S.
      stepY = select(vec4i(-0x40000000), vec4i(i) * iY + vec4i(j) * jY, live);
      stepX = vec4i(j) * jX + vec4i(l) * lX;
      let aAt = i * aI + j * aJ + l * aL;
      held[0] = holderLoad(aRow.x, aAt, live);
      if (ROWS > LANES) {
        held[1] = holderLoad(aRow.y, aAt, live);
      }
      if (ROWS > 2 * LANES) {
        held[2] = holderLoad(aRow.z, aAt, live);
      }
      if (ROWS > 3 * LANES) {
        held[3] = holderLoad(aRow.w, aAt, live);
      }
      l += nextL;
      let wrapsL = l >= vec4u(wrap);
      l -= select(vec4u(), vec4u(wrap), wrapsL);
      j += nextJ + select(vec4u(), vec4u(1), wrapsL);
      let wrapsJ = j >= vec4u(wrapJ);
      j -= select(vec4u(), vec4u(wrapJ), wrapsJ);
      i += nextI + select(vec4u(), vec4u(1), wrapsJ);
    }
    var b: mat4x4f;
    b[0] = gather(origin.at + sAt.x, inside(bounds, origin.y + stepY.x, origin.x + stepX.x));
    b[1] = gather(origin.at + sAt.y, inside(bounds, origin.y + stepY.y, origin.x + stepX.y));
    if (DEPTH == 4) {
      b[2] = gather(origin.at + sAt.z, inside(bounds, origin.y + stepY.z, origin.x + stepX.z));
      b[3] = gather(origin.at + sAt.w, inside(bounds, origin.y + stepY.w, origin.x + stepX.w));
    }
    tile0 = update(tile0, rowsOf(held, 0), b);
    if (ROWS > 4) {
      tile1 = update(tile1, rowsOf(held, 1), b);
      tile2 = update(tile2, rowsOf(held, 2), b);
      tile3 = update(tile3, rowsOf(held, 3), b);
    }
    if (ROWS > 16) {
      tile4 = update(tile4, rowsOf(held, 4), b);
      tile5 = update(tile5, rowsOf(held, 5), b);
      tile6 = update(tile6, rowsOf(held, 6), b);
      tile7 = update(tile7, rowsOf(held, 7), b);
    }
    if (DEPTH == 2) {
      held = mat4x4f(held[0].zwxy, held[1].zwxy, held[2].zwxy, held[3].zwxy);
      sAt = sAt.zwxy;
      stepY = stepY.zwxy;
      stepX = stepX.zwxy;
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let results = resultsOf(c, task);
  let hasBias = params.hasBias != 0;
  let yM = params.yM;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + 4, task.N);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    var values = pickOf(tile0, tile1, tile2, tile3, block % 4, i);
    values = select(values, pickOf(tile4, tile5, tile6, tile7, block % 4, i), block > 3);
    if (hasBias) {
      values += bias[task.biasBase + m];
    }
    var indices = results + m * yM;
    for (var n = column; n < columnEnd; n++) {
      y[indices.x] = values.x;
      values = values.yzwx;
      indices = indices.yzwx;
    }
  }
}
