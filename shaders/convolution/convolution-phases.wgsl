// convolution-phases: the input gradient of a strided convolution with few input channels, as of an image.
//
//   X[n, c, q, r] = Σ_(i, j, o) weight[o, c, i, j] · G[n, o, (q + padding - i) / stride, (r + padding - j) / stride]
//                   (+ bias[c]),   over the taps where both quotients are whole and lie in G
//
// The pixels of X fall into stride x stride phases that meet different taps, and with few channels a phase has too few
// rows to use what is loaded of G more than once or twice. But phases next to each other meet the same places of G: a
// lane makes four phases at once, of four channels and four columns each, so that a number of G is used sixteen times.
//
// Order of summation as in convolution-product.wgsl: tap row, tap column, output channel, the last fastest. A phase takes no
// part in the steps that are none of its taps. For a dilation of 1: then every place is some tap of its neighbour phases.
//
// Grid: linear over blocks of channels, columns, fours of phases and groups, the first fastest.

struct Params {
  M: u32, // channels of a group of X
  U: u32, // images
  V: u32, // rows and columns of X
  W: u32,
  I: u32, // taps
  J: u32,
  L: u32, // channels of a group of G, a multiple of 4
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
  sL: u32,
  sRow: u32,
  sColumn: u32,
  sGroup: u32,
  yM: u32,
  yU: u32,
  yV: u32,
  yW: u32,
  yGroup: u32,
  height: u32, // of G
  width: u32,
  strideY: u32,
  strideX: u32,
  paddingY: u32,
  paddingX: u32,
  rowTiles: u32,
  columnTiles: u32,
  phaseTiles: u32,
  tiles: u32,
  hasBias: u32,
}

// A row of A at four steps: what a holder has.
fn holderLoad(index: u32, step: u32) -> vec4f {
  return vec4f(a[index], a[index + step], a[index + 2 * step], a[index + 3 * step]);
}

fn each(x: vec4u, at: vec4u) -> vec4u { return vec4u(x[at.x], x[at.y], x[at.z], x[at.w]); }

@compute @workgroup_size(WIDTH)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_id) local: vec3u) {
  let tile = workgroup.y * workgroups.x + workgroup.x;
  if (tile >= params.tiles) {
    return;
  }
  let row = tile % params.rowTiles * 4;
  var place = tile / params.rowTiles;
  let firstColumn = place % params.columnTiles * (4 * WIDTH);
  place /= params.columnTiles;
  let phase = place % params.phaseTiles * 4 + vec4u(0, 1, 2, 3);
  let channelGroup = place / params.phaseTiles;

  // Where the taps of the phases begin, on the weight and on G, and how many there are.
  let phaseY = phase / params.strideX;
  let phaseX = phase % params.strideX;
  let isPhase = phaseY < vec4u(params.strideY);
  let shiftY = phaseY + params.paddingY;
  let shiftX = phaseX + params.paddingX;
  let tapY = shiftY % params.strideY;
  let tapX = shiftX % params.strideX;
  let tapsY = select(vec4u(), (max(vec4u(params.I), tapY) - tapY + params.strideY - 1) / params.strideY, isPhase);
  let tapsX = (max(vec4u(params.J), tapX) - tapX + params.strideX - 1) / params.strideX;
  let originY = shiftY / params.strideY;
  let originX = shiftX / params.strideX;
  let topY = max(max(originY.x, originY.y), max(originY.z, originY.w));
  let topX = max(max(originX.x, originX.y), max(originX.z, originX.w));
  // Steps that a phase lets pass before its own taps begin.
  let lagY = topY - originY;
  let lagX = topX - originX;
  let endY = lagY + tapsY;
  let endX = lagX + tapsX;
  let I = max(max(endY.x, endY.y), max(endY.z, endY.w));
  let J = max(max(endX.x, endX.y), max(endX.z, endX.w));

  let V = (params.V + params.strideY - 1) / params.strideY;
  let W = (params.W + params.strideX - 1) / params.strideX;
  let N = params.U * V * W;
  let column = firstColumn + 4 * local.x + vec4u(0, 1, 2, 3);
  let u = column / (V * W);
  let v = column / W % V;
  let w = column % W;
  let sBase = params.sOffset + channelGroup * params.sGroup + u * params.sU;

  // Row h of the sixteen is of phase h / 4 and channel h % 4; lane h % LANES has it in its vector h / LANES.
  let lane = local.x % LANES;
  let holder = lane + vec4u(0, 1, 2, 3) * LANES;
  let aRow = params.aOffset + channelGroup * params.aGroup + min(row + holder % 4, vec4u(params.M - 1)) * params.aM;
  let h = holder / 4 % 4;
  let rowTapY = each(tapY, h) - each(lagY, h) * params.strideY;
  let rowTapX = each(tapX, h) - each(lagX, h) * params.strideX;

  // Read before the loops: within, lavapipe would read parameters for each lane.
  let L = params.L;
  let aI = params.aI;
  let aJ = params.aJ;
  let aL = params.aL;
  let height = params.height;
  let sColumn = params.sColumn;
  let sL = params.sL;
  let sRow = params.sRow;
  let strideX = params.strideX;
  let strideY = params.strideY;
  let width = params.width;
  var tile0 = mat4x4f();
  var tile1 = mat4x4f();
  var tile2 = mat4x4f();
  var tile3 = mat4x4f();
  for (var i = 0u; i < I; i++) {
    let sY = v + topY - i;
    let inY = (sY < vec4u(height)) & (column < vec4u(N));
    let ownY = vec4u(i) - lagY;
    for (var j = 0u; j < J; j++) {
      let sX = w + topX - j;
      let live = inY & (sX < vec4u(width));
      var sAt = sBase + sY * sRow + sX * sColumn;
      let ownX = vec4u(j) - lagX;
      let takes = (ownY < tapsY) & (ownX < tapsX);
      // A tap of which there is none lies outside of A, and is loaded from anywhere.
      var aAt = aRow + (rowTapY + i * strideY) * aI + (rowTapX + j * strideX) * aJ;
      for (var l = 0u; l < L; l += 4) {
        let b = mat4x4f(gather(sAt, live), gather(sAt + sL, live), gather(sAt + 2 * sL, live),
          gather(sAt + 3 * sL, live));
        sAt += 4 * sL;
        var held: mat4x4f;
        held[0] = holderLoad(aAt.x, aL);
        if (LANES < 16) {
          held[1] = holderLoad(aAt.y, aL);
        }
        if (LANES < 8) {
          held[2] = holderLoad(aAt.z, aL);
          held[3] = holderLoad(aAt.w, aL);
        }
        aAt += 4 * aL;
        let rows0 = rowsOf(held, 0);
        let rows1 = rowsOf(held, 1);
        let rows2 = rowsOf(held, 2);
        let rows3 = rowsOf(held, 3);
        if (takes.x) {
          tile0 = update(tile0, rows0, b);
        }
        if (takes.y) {
          tile1 = update(tile1, rows1, b);
        }
        if (takes.z) {
          tile2 = update(tile2, rows2, b);
        }
        if (takes.w) {
          tile3 = update(tile3, rows3, b);
        }
      }
    }
  }

  // One store in loops whose ends the compiler cannot know: unrolled, the stores would take longest to compile.
  let hasBias = params.hasBias != 0;
  let biasAt = params.biasOffset + channelGroup * params.M;
  let yM = params.yM;
  let yV = params.yV;
  let yW = params.yW;
  let rowsInX = params.V;
  let columnsInX = params.W;
  let rowEnd = min(row + 4, params.M);
  var columnY = v * params.strideY;
  var columnX = w * params.strideX;
  var yBase = params.yOffset + channelGroup * params.yGroup + u * params.yU;
  var columns = select(0u, min(4, N - column.x), column.x < N);
  for (var p = 0u; p < 4; p++) {
    let pY = phase[p] / strideX;
    let pX = phase[p] % strideX;
    for (var m = row; m < rowEnd; m++) {
      var values = pickOf(tile0, tile1, tile2, tile3, p, m - row);
      if (hasBias) {
        values += bias[biasAt + m];
      }
      let rows = columnY + pY;
      let across = columnX + pX;
      var indices = yBase + m * yM + rows * yV + across * yW;
      var inside = (rows < vec4u(rowsInX)) & (across < vec4u(columnsInX)) & vec4<bool>(pY < strideY);
      for (var n = 0u; n < columns; n++) {
        if (inside.x) {
          y[indices.x] = values.x;
        }
        values = values.yzwx;
        indices = indices.yzwx;
        inside = inside.yzwx;
      }
    }
  }
}
