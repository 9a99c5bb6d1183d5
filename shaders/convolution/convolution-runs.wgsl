// convolution-runs: the implicit matrix product of convolution.wgsl with a loop of its own for l, four steps at a time.
//
// In a forward pass and in an input gradient l is a channel, and a multiple of 4 of them: a tap is one place of the image
// for all of them, and what it costs to find it and which columns lie in S is shared by the loop. In a weight gradient l
// moves along a row of the image (SLIDES), and only x has to be looked at. The loop has hardly more than loads, shuffles,
// products and sums. As in matmul.wgsl, ROWS * COLUMNS * DEPTH is bounded by the processor's first instruction cache, and
// parameters are read before loops: within, lavapipe would read them for each lane.
//
// Same bindings, parameters, grid and order of summation as convolution.wgsl.

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

const LANES: u32 = 1;   // spec: the subgroup size, 4, 8, 16 or 32, where it is fixed
const ROWS: u32 = 4;    // rows a lane makes: 4, or 16 or 32 when LANES >= 4; 32 when LANES >= 8
const COLUMNS: u32 = 4; // columns a lane makes: 4, or 8 when ROWS <= 16
const DEPTH: u32 = 4;   // steps of l a round: 2 or 4
const SLIDES = false;   // spec: true when l moves x, or is no multiple of 4 in a part
const WIDTH: u32 = max(8, LANES);
const_assert ROWS <= 4 * LANES && ROWS * COLUMNS <= 128 && ROWS % 4 == 0;

@group(0) @binding(0) var<storage, read> a: array<f32>;
@group(0) @binding(1) var<storage, read> s: array<f32>;
@group(0) @binding(2) var<storage, read> bias: array<f32>; // [groups * M]; never read unless hasBias
@group(0) @binding(3) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// A row of A at four steps: what a holder has.
fn holderLoad(index: u32, step: u32, left: u32) -> vec4f {
  let x = vec4f(a[index], a[index + step], a[index + 2 * step], a[index + 3 * step]);
  if (!SLIDES) {
    return x;
  }
  return select(vec4f(), x, vec4u(0, 1, 2, 3) < vec4u(left));
}

fn fromHolder(held: mat4x4f, h: u32) -> vec4f { return fromLane(held[h / LANES % 4], h % LANES); }

// x[i] = four rows at step l + i.
fn rowsOf(held: mat4x4f, block: u32) -> mat4x4f {
  let h = 4 * block;
  return transpose(mat4x4f(fromHolder(held, h), fromHolder(held, h + 1), fromHolder(held, h + 2),
    fromHolder(held, h + 3)));
}

// Four columns of S at one step. What is not live may lie outside of S: the load is then of any element.
fn gather(index: vec4u, live: vec4<bool>) -> vec4f {
  return select(vec4f(), vec4f(s[index.x], s[index.y], s[index.z], s[index.w]), live);
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

fn choose(v0: vec4f, v1: vec4f, v2: vec4f, v3: vec4f, i: u32) -> vec4f {
  return select(select(v0, v1, i == 1), select(v2, v3, i == 3), i > 1);
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
  let firstColumn = place % params.columnTiles * (COLUMNS * WIDTH);
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

  // Columns of a lane, and where their S begins.
  let column = firstColumn + COLUMNS * local.x;
  let c = columnsFrom(column, V, W);
  let d = columnsFrom(column + 4, V, W);
  let originY = (shiftY - i32(tapY * params.dilationY)) / i32(params.phasesY);
  let lBegin = part % params.partsL * params.partL;
  let originX = (shiftX - i32(tapX * params.dilationX)) / i32(params.phasesX) + i32(lBegin) * params.lX;
  let sGroup = params.sOffset + channelGroup * params.sGroup + lBegin * (params.sL - u32(params.lX) * params.sColumn);
  let yBase = vec4i(c.v) * params.vStep + originY;
  let xBase = vec4i(c.w) * params.wStep + originX;
  let sBase = sGroup + c.u * params.sU + vec4u(yBase) * params.sRow + vec4u(xBase) * params.sColumn;
  let yMore = vec4i(d.v) * params.vStep + originY;
  let xMore = vec4i(d.w) * params.wStep + originX;
  let sMore = sGroup + d.u * params.sU + vec4u(yMore) * params.sRow + vec4u(xMore) * params.sColumn;

  let lane = local.x % LANES;
  let aRow = params.aOffset + channelGroup * params.aGroup + tapY * params.aI + tapX * params.aJ + lBegin * params.aL +
    min(row + vec4u(lane) + vec4u(0, 1, 2, 3) * LANES, vec4u(params.M - 1)) * params.aM;
  let aI = params.aI * params.tapStepY;
  let aJ = params.aJ * params.tapStepX;
  let aL = params.aL;
  let sL = params.sL;
  let L = min(params.partL, params.L - lBegin);
  let height = vec4u(params.height);
  let width = params.width;
  let iY = params.iY;
  let jY = params.jY;
  let jX = params.jX;
  let lX = params.lX;
  let sI = params.sI;
  let sJ = params.sJ;
  let ijBegin = part / params.partsL * params.partIJ;
  let ijEnd = min(ijBegin + params.partIJ, I * J);

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
  var i = ijBegin / max(J, 1);
  var j = ijBegin % max(J, 1);
  for (var ij = ijBegin; ij < ijEnd; ij++) {
    let stepY = i32(i) * iY + i32(j) * jY;
    let stepX = i32(j) * jX;
    let sAt = i * sI + j * sJ;
    var s0 = Place(sBase + sAt, xBase + stepX, vec4u(yBase + stepY) < height);
    var s1 = Place(sMore + sAt, xMore + stepX, vec4u(yMore + stepY) < height);
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
  let yGroup = params.yOffset + part * params.yPart + channelGroup * params.yGroup;
  let yColumn = yGroup + c.u * params.yU + (c.v * params.phasesY + phaseY) * params.yV +
    (c.w * params.phasesX + phaseX) * params.yW;
  let yNext = yGroup + d.u * params.yU + (d.v * params.phasesY + phaseY) * params.yV +
    (d.w * params.phasesX + phaseX) * params.yW;
  let hasBias = params.hasBias != 0;
  let biasAt = params.biasOffset + channelGroup * params.M;
  let yM = params.yM;
  let rowEnd = min(row + ROWS, params.M);
  let columnEnd = min(column + COLUMNS, N);
  for (var m = row; m < rowEnd; m++) {
    let i = (m - row) % 4;
    let block = (m - row) / 4;
    var values: vec4f;
    var more: vec4f;
    if (COLUMNS == 4) {
      values = choose(pick(tile0, i), pick(tile1, i), pick(tile2, i), pick(tile3, i), block % 4);
      more = choose(pick(tile4, i), pick(tile5, i), pick(tile6, i), pick(tile7, i), block % 4);
      values = select(values, more, block > 3);
    } else {
      values = choose(pick(tile0, i), pick(tile2, i), pick(tile4, i), pick(tile6, i), block);
      more = choose(pick(tile1, i), pick(tile3, i), pick(tile5, i), pick(tile7, i), block);
    }
    if (hasBias) {
      values += bias[biasAt + m];
      more += bias[biasAt + m];
    }
    var indices = yColumn + m * yM;
    var next = yNext + m * yM;
    for (var n = column; n < columnEnd; n++) {
      y[indices.x] = values.x;
      values = vec4f(values.yzw, more.x);
      more = more.yzww;
      indices = vec4u(indices.yzw, next.x);
      next = next.yzww;
    }
  }
}
