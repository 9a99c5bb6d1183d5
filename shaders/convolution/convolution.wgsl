// convolution: Y[m, (u, v, w)] = Σ_(i, j, l) A[m, i, j, l] · S[u, i, l, y, x] (+ bias[m]), an implicit matrix product.
//
//   y = v * vStep + origin y + i * iY + j * jY,   x = w * wStep + origin x + j * jX + l * lX
//
// S counts as zero outside of 0 <= y < height, 0 <= x < width. The columns of the product, (u, v, w), and its inner
// index, (i, j, l), stand for different axes in the three operations, which are this one kernel:
//
//   operation         m        u, v, w             i, j, l                A         S
//   forward           output   image, row, column  tap y, tap x, channel  weight    input
//   input gradient    input    image, row, column  tap y, tap x, channel  weight    gradient
//   weight gradient   output   input, tap y, tap x image, row, column     gradient  input
//
// The input gradient of a strided convolution falls into phases: pixels at the same place modulo the stride meet the
// same taps, every (stride / gcd(stride, dilation))-th one, so that no product with the zeros between is ever made.
// Groups are separate products, and so are parts of the inner index, when it is long: both are places in the grid.
//
// For adapters that run lanes as SIMD on a CPU; matmul.wgsl tells why it is done so: ROWS x 4 elements a lane in
// registers, A's rows passed round in the subgroup, no shared memory.
//
// An element has one accumulator over (i, j, l) in this order, l fastest; its bits depend on nothing else.
//
// Grid: linear over row tiles, column tiles, phases, groups and parts, the first fastest.

struct Params {
  M: u32,
  U: u32,
  V: u32,
  W: u32,
  I: u32,
  J: u32,
  L: u32,
  aOffset: u32, // offsets and strides count elements
  sOffset: u32,
  biasOffset: u32,
  yOffset: u32,
  aM: u32,
  aI: u32,
  aJ: u32,
  aL: u32,
  aGroup: u32,
  sU: u32,
  sI: u32, // of a step of i, j or l: what it moves in y and x included
  sJ: u32,
  sL: u32,
  sRow: u32,
  sColumn: u32,
  sGroup: u32,
  yM: u32,
  yU: u32,
  yV: u32,
  yW: u32,
  yGroup: u32,
  yPart: u32,
  height: u32,
  width: u32,
  vStep: i32,
  wStep: i32,
  iY: i32,
  jY: i32,
  jX: i32,
  lX: i32,
  shiftY: i32,
  shiftX: i32,
  phasesY: u32, // the stride in the input gradient, else 1
  phasesX: u32,
  dilationY: u32,
  dilationX: u32,
  tapStepY: u32, // taps of one phase are this far apart
  tapStepX: u32,
  partIJ: u32, // steps of (i, j) in a part
  partL: u32,
  partsL: u32,
  rowTiles: u32,
  columnTiles: u32,
  groupCount: u32,
  tiles: u32,
  hasBias: u32,
}

const LANES: u32 = 1;    // spec: the subgroup size, 4, 8, 16 or 32, where it is fixed
const ROWS: u32 = 4;     // rows a lane makes: 4, or 16 or 32 when LANES >= 4; 32 when LANES >= 8
const DEPTH: u32 = 4;    // steps a round: 2 or 4
const WIDTH: u32 = max(8, LANES);
const_assert ROWS <= 4 * LANES && ROWS <= 32 && ROWS % 4 == 0;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // [groups * M]; never read unless hasBias
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// A row of A at four steps: what a holder has.
fn holderLoad(row: u32, at: vec4u, live: vec4<bool>) -> vec4f {
  let index = row + at;
  return select(vec4f(), vec4f(a[index.x], a[index.y], a[index.z], a[index.w]), live);
}

// Which of four columns lie in S.
fn inside(bounds: vec2u, y: vec4i, x: vec4i) -> vec4<bool> {
  return (vec4u(y) < vec4u(bounds.x)) & (vec4u(x) < vec4u(bounds.y));
}

// Four columns of S at one step. What is not live may lie outside of S: the load is then of any element.
fn gather(index: vec4u, live: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(s[index.x], s[index.y], s[index.z], s[index.w]), live);
}

fn fromHolder(held: mat4x4f, h: u32) -> vec4f { return fromLane(held[h / LANES % 4], h % LANES); }

// x[i] = the four rows of a block at step i.
fn rowsOf(held: mat4x4f, block: u32) -> mat4x4f {
  let h = 4 * block;
  return transpose(mat4x4f(fromHolder(held, h), fromHolder(held, h + 1), fromHolder(held, h + 2),
    fromHolder(held, h + 3)));
}

fn outer(x: vec4f, y: vec4f) -> mat4x4f { return mat4x4f(x.x * y, x.y * y, x.z * y, x.w * y); }

// tile[i] is a row: four rows, four columns, DEPTH steps in ascending order.
fn update(tile: mat4x4f, x: mat4x4f, y: mat4x4f) -> mat4x4f {
  if (DEPTH == 2) {
    return (tile + outer(x[0], y[0])) + outer(x[1], y[1]);
  }
  return (((tile + outer(x[0], y[0])) + outer(x[1], y[1])) + outer(x[2], y[2])) + outer(x[3], y[3]);
}

fn pick(tile: mat4x4f, i: u32) -> vec4f {
  return select(select(tile[0], tile[1], i == 1), select(tile[2], tile[3], i == 3), i > 1);
}

// The column (u, v, w) after another.
fn next(c: vec3u, V: u32, W: u32) -> vec3u {
  let wraps = c.z + 1 == W;
  let carries = wraps && c.y + 1 == V;
  return vec3u(c.x + u32(carries), select(c.y + u32(wraps), 0u, carries), select(c.z + 1, 0u, wraps));
}

// Four neighbouring columns.
struct Columns {
  u: vec4u,
  v: vec4u,
  w: vec4u,
}

fn columnsFrom(column: u32, V: u32, W: u32) -> Columns {
  let c0 = vec3u(column / (V * W), column / W % V, column % W);
  let c1 = next(c0, V, W);
  let c2 = next(c1, V, W);
  let c3 = next(c2, V, W);
  return Columns(vec4u(c0.x, c1.x, c2.x, c3.x), vec4u(c0.y, c1.y, c2.y, c3.y), vec4u(c0.z, c1.z, c2.z, c3.z));
}

// The first tap that meets pixels of a phase, or `count` when none does.
fn firstTap(shift: i32, dilation: u32, phases: u32, count: u32) -> u32 {
  for (var tap = 0u; tap < min(count, phases); tap++) {
    if ((shift - i32(tap * dilation)) % i32(phases) == 0) {
      return tap;
    }
  }
  return count;
}

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  if (tile >= params.tiles) {
    return;
  }
  let row = tile % params.rowTiles * ROWS;
  var place = tile / params.rowTiles;
  let firstColumn = place % params.columnTiles * (4 * WIDTH);
  place /= params.columnTiles;
  let phaseX = place % params.phasesX;
  place /= params.phasesX;
  let phaseY = place % params.phasesY;
  place /= params.phasesY;
  let channelGroup = place % params.groupCount;
  let part = place / params.groupCount;

  // What of the taps and the pixels belongs to this phase.
  let V = (params.V - phaseY + params.phasesY - 1) / params.phasesY;
  let W = (params.W - phaseX + params.phasesX - 1) / params.phasesX;
  let N = params.U * V * W;
  if (firstColumn >= N) {
    return;
  }
  let shiftY = params.shiftY + i32(phaseY);
  let shiftX = params.shiftX + i32(phaseX);
  let tapY = firstTap(shiftY, params.dilationY, params.phasesY, params.I);
  let tapX = firstTap(shiftX, params.dilationX, params.phasesX, params.J);
  let I = (params.I - tapY + params.tapStepY - 1) / params.tapStepY;
  let J = (params.J - tapX + params.tapStepX - 1) / params.tapStepX;

  // Four columns a lane, and where their S begins.
  let column = firstColumn + 4 * local.x;
  let c = columnsFrom(column, V, W);
  let yBase = vec4i(c.v) * params.vStep + (shiftY - i32(tapY * params.dilationY)) / i32(params.phasesY);
  let lBegin = part % params.partsL * params.partL;
  let xBase = vec4i(c.w) * params.wStep + (shiftX - i32(tapX * params.dilationX)) / i32(params.phasesX) +
    i32(lBegin) * params.lX;
  let sBase = params.sOffset + channelGroup * params.sGroup + c.u * params.sU + vec4u(yBase) * params.sRow +
    vec4u(xBase) * params.sColumn + lBegin * (params.sL - u32(params.lX) * params.sColumn);

  let aBase = params.aOffset + channelGroup * params.aGroup + tapY * params.aI + tapX * params.aJ +
    lBegin * params.aL;
  let lane = local.x % LANES;
  let aRow = aBase + min(row + vec4u(lane) + vec4u(0, 1, 2, 3) * LANES, vec4u(params.M - 1)) * params.aM;
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;

  // Four steps of (i, j, l) at a time, counted through all of the part, so that few channels waste none.
  let ijBegin = part / params.partsL * params.partIJ;
  let ijEnd = min(ijBegin + params.partIJ, I * J);
  let depth = min(params.partL, params.L - lBegin);
  let steps = (ijEnd - min(ijBegin, ijEnd)) * depth;
  let four = vec4u(0, 1, 2, 3);
  let wrap = max(depth, 1u);
  let wrapJ = max(J, 1u);
  var l = four % wrap;
  var j = (ijBegin + four / wrap) % wrapJ;
  var i = (ijBegin + four / wrap) / wrapJ;
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
    b[0] = gather(sBase + sAt.x, inside(bounds, yBase + stepY.x, xBase + stepX.x));
    b[1] = gather(sBase + sAt.y, inside(bounds, yBase + stepY.y, xBase + stepX.y));
    if (DEPTH == 4) {
      b[2] = gather(sBase + sAt.z, inside(bounds, yBase + stepY.z, xBase + stepX.z));
      b[3] = gather(sBase + sAt.w, inside(bounds, yBase + stepY.w, xBase + stepX.w));
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
  let yColumn = params.yOffset + part * params.yPart + channelGroup * params.yGroup +
    c.u * params.yU + (c.v * params.phasesY + phaseY) * params.yV +
    (c.w * params.phasesX + phaseX) * params.yW;
  let hasBias = params.hasBias != 0;
  let biasAt = params.biasOffset + channelGroup * params.M;
  let yM = params.yM;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + 4, N);
  for (var m = row; m < rowEnd; m++) {
    let rowInBlock = (m - row) % 4;
    let block = (m - row) / 4;
    var values = select(pick(tile0, rowInBlock), pick(tile1, rowInBlock), block == 1);
    values = select(values, select(pick(tile2, rowInBlock), pick(tile3, rowInBlock), block == 3), block > 1);
    var more = select(pick(tile4, rowInBlock), pick(tile5, rowInBlock), block == 5);
    more = select(more, select(pick(tile6, rowInBlock), pick(tile7, rowInBlock), block == 7), block > 5);
    values = select(values, more, block > 3);
    if (hasBias) {
      values += bias[biasAt + m];
    }
    var indices = yColumn + m * yM;
    for (var n = column; n < columnEnd; n++) {
      y[indices.x] = values.x;
      values = values.yzwx;
      indices = indices.yzwx;
    }
  }
}
