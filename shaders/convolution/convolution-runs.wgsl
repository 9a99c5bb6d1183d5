// convolution-runs: the product of convolution-product.wgsl with a loop of its own for l, four steps at a time.
//
// For adapters that run lanes as SIMD on a CPU. In a forward pass and in an input gradient l is a channel, and a multiple of
// 4 of them: a tap is one place of the image for all of them, and what it costs to find it and which columns lie in S is
// shared by the loop. In a weight gradient l moves along a row of the image (SLIDES), and only x has to be looked at. The
// loop has hardly more than loads, shuffles, products and sums. As in matmul.wgsl, ROWS * COLUMNS * DEPTH is bounded by the
// processor's first instruction cache, and parameters are read before loops: within, lavapipe would read them for each lane.

const ROWS: u32 = 4;    // rows a lane makes: 4, or 16 or 32 when LANES >= 4; 32 when LANES >= 8
const COLUMNS: u32 = 4; // columns a lane makes: 4, or 8 when ROWS <= 16
const SLIDES = false;   // spec: true when l moves x, or is no multiple of 4 in a part
const_assert ROWS <= 4 * LANES && ROWS * COLUMNS <= 128 && ROWS % 4 == 0;

// A row of A at four steps: what a holder has.
fn holderLoad(index: u32, step: u32, left: u32) -> vec4f {
  let x = vec4f(a[index], a[index + step], a[index + 2 * step], a[index + 3 * step]);
  if (!SLIDES) {
    return x;
  }
  return select(vec4f(), x, vec4u(0, 1, 2, 3) < vec4u(left));
}

// Where four columns are in S: its element, the column of the image, and whether its row is inside.
struct Place {
  index: vec4u,
  x: vec4i,
  live: vec4<bool>,
}

// One step of l: how far it moves in S and in x, and how many steps there are left.
struct Step {
  index: u32,
  x: i32,
  left: u32,
  width: u32,
}

fn liveAt(at: Place, step: Step, k: u32) -> vec4<bool> {
  if (!SLIDES) {
    return at.live;
  }
  return at.live & (vec4u(at.x + i32(k) * step.x) < vec4u(step.width)) & vec4<bool>(k < step.left);
}

// x[k] = four columns at step l + k, for k < DEPTH.
fn columnsOf(at: Place, step: Step) -> mat4x4f {
  var x: mat4x4f;
  x[0] = gather(at.index, liveAt(at, step, 0));
  x[1] = gather(at.index + step.index, liveAt(at, step, 1));
  if (DEPTH == 4) {
    x[2] = gather(at.index + 2 * step.index, liveAt(at, step, 2));
    x[3] = gather(at.index + 3 * step.index, liveAt(at, step, 3));
  }
  return x;
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
  let firstColumn = task.columnTile * (COLUMNS * WIDTH);
  if (firstColumn >= task.N) {
    return;
  }
  let column = firstColumn + COLUMNS * local.x;
  let c = columnsFrom(column, task.V, task.W);
  let d = columnsFrom(column + 4, task.V, task.W);
  let origin = originOf(c, task);
  let more = originOf(d, task);
  let aRow = rowsFrom(row + vec4u(local.x % LANES) + vec4u(0, 1, 2, 3) * LANES, task);
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;
  let aL = params.aL;
  let sL = params.sL;
  let L = task.depth;
  let height = vec4u(params.height);
  let width = params.width;
  let iY = params.iY;
  let jY = params.jY;
  let jX = params.jX;
  let lX = params.lX;
  let sI = params.sI;
  let sJ = params.sJ;
  let J = task.J;
  let ijEnd = task.ijEnd;

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
  var i = task.ijBegin / max(J, 1);
  var j = task.ijBegin % max(J, 1);
  for (var ij = task.ijBegin; ij < ijEnd; ij++) {
    let stepY = i32(i) * iY + i32(j) * jY;
    let stepX = i32(j) * jX;
    let sAt = i * sI + j * sJ;
    var s0 = Place(origin.at + sAt, origin.x + stepX, vec4u(origin.y + stepY) < height);
    var s1 = Place(more.at + sAt, more.x + stepX, vec4u(more.y + stepY) < height);
    if (!SLIDES) {
      s0.live = s0.live & (vec4u(s0.x) < vec4u(width));
      s1.live = s1.live & (vec4u(s1.x) < vec4u(width));
    }
    var aAt = aRow + i * aI + j * aJ;
    for (var l = 0u; l < L; l += DEPTH) {
      if (DEPTH == 4 || l % 4 == 0) {
        held[0] = holderLoad(aAt.x, aL, L - l);
        if (ROWS > LANES) {
          held[1] = holderLoad(aAt.y, aL, L - l);
        }
        if (ROWS > 2 * LANES) {
          held[2] = holderLoad(aAt.z, aL, L - l);
        }
        if (ROWS > 3 * LANES) {
          held[3] = holderLoad(aAt.w, aL, L - l);
        }
        aAt += 4 * aL;
      }
      let step = Step(sL, lX, L - l, width);
      let y0 = columnsOf(s0, step);
      s0.index += DEPTH * sL;
      if (COLUMNS == 4) {
        tile0 = update(tile0, rowsOf(held, 0), y0);
        if (ROWS > 4) {
          tile1 = update(tile1, rowsOf(held, 1), y0);
          tile2 = update(tile2, rowsOf(held, 2), y0);
          tile3 = update(tile3, rowsOf(held, 3), y0);
        }
        if (ROWS > 16) {
          tile4 = update(tile4, rowsOf(held, 4), y0);
          tile5 = update(tile5, rowsOf(held, 5), y0);
          tile6 = update(tile6, rowsOf(held, 6), y0);
          tile7 = update(tile7, rowsOf(held, 7), y0);
        }
      } else {
        let y1 = columnsOf(s1, step);
        s1.index += DEPTH * sL;
        var x = rowsOf(held, 0);
        tile0 = update(tile0, x, y0);
        tile1 = update(tile1, x, y1);
        if (ROWS > 4) {
          x = rowsOf(held, 1);
          tile2 = update(tile2, x, y0);
          tile3 = update(tile3, x, y1);
          x = rowsOf(held, 2);
          tile4 = update(tile4, x, y0);
          tile5 = update(tile5, x, y1);
          x = rowsOf(held, 3);
          tile6 = update(tile6, x, y0);
          tile7 = update(tile7, x, y1);
        }
      }
      if (DEPTH == 2) {
        held = mat4x4f(held[0].zwxy, held[1].zwxy, held[2].zwxy, held[3].zwxy);
      }
      if (SLIDES) {
        s0.x += i32(DEPTH) * lX;
        s1.x += i32(DEPTH) * lX;
      }
    }
    j++;
    if (j == J) {
      j = 0;
      i++;
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let results = resultsOf(c, task);
  let moreResults = resultsOf(d, task);
  let hasBias = params.hasBias != 0;
  let yM = params.yM;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + COLUMNS, task.N);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    var values: vec4f;
    var others: vec4f;
    if (COLUMNS == 4) {
      values = pickOf(tile0, tile1, tile2, tile3, block % 4, i);
      others = pickOf(tile4, tile5, tile6, tile7, block % 4, i);
      values = select(values, others, block > 3);
    } else {
      values = pickOf(tile0, tile2, tile4, tile6, block, i);
      others = pickOf(tile1, tile3, tile5, tile7, block, i);
    }
    if (hasBias) {
      values += bias[task.biasBase + m];
      others += bias[task.biasBase + m];
    }
    var indices = results + m * yM;
    var next = moreResults + m * yM;
    for (var n = column; n < columnEnd; n++) {
      y[indices.x] = values.x;
      values = vec4f(values.yzw, others.x);
      others = others.yzww;
      indices = vec4u(indices.yzw, next.x);
      next = next.yzww;
    }
  }
}
