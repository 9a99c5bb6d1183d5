// convolution-depthwise: the three operations of convolution-product.wgsl for groups of one input channel.
//
//   Y[e, o, v, w] = Σ_(i, j, l) A[e, o, i, j, l] · S[e, o / multiplier, i, y, x] (+ bias[o])
//   y = v * vStep + origin y + j * jY,   x = w * wStep + origin x + l * lX
//
//   operation         e      v, w         i, j, l             A         S
//   forward           image  row, column  0, tap y, tap x     weight    input
//   input gradient    image  row, column  0, tap y, tap x     weight    gradient, multiplier 1
//   weight gradient   part   tap y, tap x image, row, column  gradient  input
//
// There is no matrix here whose rows could share what is loaded. A lane makes eight neighbouring columns, row after row
// of a strip. Where a step of l moves x by the distance of two columns, their values slide along: one load a step.
//
// Phases, parts and the order of summation (i, j, l), l fastest, as in convolution-product.wgsl.
//
// Grid: linear over octets of columns, strips, phases, channels and e, the first fastest.

struct Params {
  E: u32, // images, times parts
  O: u32,
  V: u32,
  W: u32,
  I: u32,
  J: u32,
  L: u32,
  aOffset: u32, // offsets and strides count elements
  sOffset: u32,
  biasOffset: u32,
  yOffset: u32,
  aO: u32,
  aI: u32,
  aJ: u32,
  aL: u32,
  sImage: u32,
  sChannel: u32,
  sI: u32,
  sRow: u32,
  sColumn: u32,
  yE: u32,
  yO: u32,
  yV: u32,
  yW: u32,
  multiplier: u32,
  height: u32,
  width: u32,
  vStep: i32,
  wStep: i32,
  jY: i32,
  lX: i32,
  shiftY: i32,
  shiftX: i32,
  phasesY: u32,
  phasesX: u32,
  dilationY: u32,
  dilationX: u32,
  tapStepY: u32,
  tapStepX: u32,
  partIJ: u32, // steps of (i, j) in a part
  partL: u32,
  partsL: u32,
  parts: u32,
  octets: u32,
  strips: u32,
  stripRows: u32,
  planes: u32,
  hasBias: u32,
}

const SLIDE = false;  // spec: true when lX is wStep or -wStep
const PLANES = false; // spec: true when a workgroup makes pixels of one channel: its weights are then the same to all

// One element of a row; zero outside of it.
fn load(row: u32, x: i32, isLive: bool) -> f32 {
  return select(0, s[row + u32(x) * params.sColumn], isLive && u32(x) < params.width);
}

fn load4(row: u32, x: i32, isLive: bool) -> vec4f {
  let step = params.wStep;
  return vec4f(load(row, x, isLive), load(row, x + step, isLive), load(row, x + 2 * step, isLive),
    load(row, x + 3 * step, isLive));
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(num_workgroups) workgroups: vec3u,
  @builtin(local_invocation_index) local: u32) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let perPlane = params.octets * params.strips;
  var place: u32;
  var index: u32;
  if (PLANES) {
    let tiles = (perPlane + 63) / 64;
    place = group / tiles;
    index = (group - place * tiles) * 64 + local;
  } else {
    place = (group * 64 + local) / perPlane;
    index = group * 64 + local - place * perPlane;
  }
  if (place >= params.planes || index >= perPlane) {
    return;
  }
  let strip = index / params.octets;
  let w = 8 * (index - strip * params.octets);
  let phaseX = place % params.phasesX;
  place /= params.phasesX;
  let phaseY = place % params.phasesY;
  place /= params.phasesY;
  let channel = place % params.O;
  let e = place / params.O;
  let part = e % params.parts;

  let rows = phaseOf(phaseY, params.phasesY, params.V, params.shiftY, params.dilationY, params.J, params.tapStepY);
  let columns = phaseOf(phaseX, params.phasesX, params.W, params.shiftX, params.dilationX, params.L, params.tapStepX);
  let J = rows.taps;
  let aJ = params.aJ * params.tapStepY;
  let aL = params.aL * params.tapStepX;

  let ijBegin = part / params.partsL * params.partIJ;
  let ijEnd = min(ijBegin + params.partIJ, params.I * J);
  let lBegin = part % params.partsL * params.partL;
  let lEnd = min(lBegin + params.partL, columns.taps);
  let aBase = params.aOffset + channel * params.aO + rows.tap * params.aJ + columns.tap * params.aL + lBegin * aL;
  let sBase = params.sOffset + e / params.parts * params.sImage + channel / params.multiplier * params.sChannel;
  let xBase = i32(w) * params.wStep + columns.origin + i32(lBegin) * params.lX;

  let vEnd = min((strip + 1) * params.stripRows, rows.pixels);
  let wEnd = min(w + 8, columns.pixels);
  for (var v = strip * params.stripRows; v < vEnd; v++) {
    var low = vec4f(); // the sums of columns w to w + 3
    var high = vec4f();
    var i = ijBegin / max(J, 1);
    var j = ijBegin % max(J, 1);
    for (var ij = ijBegin; ij < ijEnd; ij++) {
      let sY = i32(v) * params.vStep + rows.origin + i32(j) * params.jY;
      let isLive = u32(sY) < params.height;
      let row = sBase + i * params.sI + u32(sY) * params.sRow;
      var aIndex = aBase + i * params.aI + j * aJ;
      var x = xBase;
      let step = params.wStep;
      // Sliding upwards, seven of the eight are known beforehand and the last comes in; downwards the first does.
      let isUpwards = params.lX > 0;
      var x0 = vec4f();
      var x1 = vec4f();
      if (SLIDE) {
        let known = x + select(step, 0, isUpwards);
        let four = load4(row, known, isLive);
        let three = load4(row, known + 4 * step, isLive);
        x0 = select(four, vec4f(0, four.xyz), isUpwards);
        x1 = select(three, vec4f(four.w, three.xyz), isUpwards);
      }
      for (var l = lBegin; l < lEnd; l++) {
        if (SLIDE) {
          let enters = load(row, x + select(0, 7 * step, isUpwards), isLive);
          let last = x0.w;
          x0 = select(vec4f(enters, x0.xyz), vec4f(x0.yzw, x1.x), isUpwards);
          x1 = select(vec4f(last, x1.xyz), vec4f(x1.yzw, enters), isUpwards);
        } else {
          x0 = load4(row, x, isLive);
          x1 = load4(row, x + 4 * step, isLive);
        }
        let scale = a[aIndex];
        low += scale * x0;
        high += scale * x1;
        aIndex += aL;
        x += params.lX;
      }
      j++;
      if (j == J) {
        j = 0;
        i++;
      }
    }
    if (params.hasBias != 0) {
      low += bias[params.biasOffset + channel];
      high += bias[params.biasOffset + channel];
    }
    let yRow = params.yOffset + e * params.yE + channel * params.yO + (v * params.phasesY + phaseY) * params.yV;
    for (var n = w; n < wEnd; n++) {
      y[yRow + (n * params.phasesX + phaseX) * params.yW] = low.x;
      low = vec4f(low.yzw, high.x);
      high = high.yzwx;
    }
  }
}
