// What every kernel of products reads and writes: C[b] = epilogue(alpha * A[b] · B[b] (+ bias) (+ C[b])) (+ residual[b]), any
// strides for A and B, unit column stride for C and the residual.

struct Params {
  M: u32,
  N: u32,
  K: u32,
  aOffset: u32, // offsets and strides count elements
  bOffset: u32,
  cOffset: u32,
  biasOffset: u32,
  residualOffset: u32,
  aRow: u32,
  aColumn: u32,
  bRow: u32,
  bColumn: u32,
  cRow: u32,
  residualRow: u32,
  batch1: u32, // batch = i0 * batch1 + i1
  aBatch0: u32,
  aBatch1: u32,
  bBatch0: u32,
  bBatch1: u32,
  cBatch0: u32,
  cBatch1: u32,
  residualBatch0: u32,
  residualBatch1: u32,
  hasBias: u32,
  hasResidual: u32,
  accumulate: u32,
  alpha: f32,
  activation: u32,   // which one the epilogue applies
  keepDistance: u32, // from an element of C to where what the epilogue is applied to is kept; 0: nowhere
}

alias AElement = vec4f;  // spec: f32, when an offset or a stride but the unit one is no multiple of 4; halves: vec2u
alias BElement = vec4f;  // spec: likewise
const A_ALONG_M = false; // spec: true when A's rows are its unit stride (A is transposed)
const B_ALONG_K = false; // spec: true when B's rows are its unit stride (B is transposed)

@group(0) @binding(0) var<storage, read> a: array<AElement>;
@group(0) @binding(1) var<storage, read> b: array<BElement>;
@group(0) @binding(2) var<storage, read> bias: array<f32>;     // [N]; never read unless hasBias
@group(0) @binding(3) var<storage, read> residual: array<f32>; // never read unless hasResidual
@group(0) @binding(4) var<storage, read_write> c: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

// Four elements from `index` on, `stride` apart. spec: by elements, or from halves.
fn loadA(index: u32, stride: u32) -> vec4f { return a[index / 4]; }
fn loadB(index: u32, stride: u32) -> vec4f { return b[index / 4]; }

fn halves(words: vec2u) -> vec4f { return vec4f(unpack2x16float(words.x), unpack2x16float(words.y)); }
