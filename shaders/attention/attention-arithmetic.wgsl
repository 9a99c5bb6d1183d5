// The arithmetic that every kernel of attention shares, so that they agree to the bit.
//
// e^s is split into 2^n, n whole, and a factor between √½ and √2 that depends on s alone. Where such numbers are added up, N
// is the largest n so far, and what is added is e^s / 2^N: when N grows, a sum is multiplied by a power of two, which is
// exact.

const IS_WHOLE = true; // spec: false where rows are read by elements
const UNIT: u32 = 4; // elements of what rows are read by; spec: 1
const WRITTEN_OUT = false; // spec: true where loops cost more than what they repeat
const INFINITE = 0x7f800000u;
const HIDDEN = 0xff800000u; // -infinity

// e^r for |r| < 0.36. spec: the library's
fn nearOne(r: vec4f) -> vec4f { return exp(r); }

// Which of four scores dropout keeps, by their places in [batch, queries, keys]. spec: the library's
fn keeps(i: vec4u) -> vec4<bool> { return vec4(true); }

// The whole n of e^s = 2^n e^r.
fn exponentOf(score: vec4f) -> vec4f {
  return max(round(score * 1.44269504), vec4f(-3e38));
}

// 2^n for whole n up to 127; 0 below -126. As in the library, without a conversion and a shift, which cost SwiftShader more.
fn twoToThe(n: vec4f) -> vec4f {
  return bitcast<vec4f>((bitcast<vec4i>(max(n, vec4f(-127.0)) + 12582912.0) - (0x4b400000 - 127)) * 0x800000);
}

// e^s / 2^N.
fn weightOf(score: vec4f, largest: vec4f) -> vec4f {
  let n = exponentOf(score);
  let r = (score - n * 0.693359375) - n * -2.12194440e-4;
  return nearOne(clamp(r, vec4f(-0.36), vec4f(0.36))) * twoToThe(n - largest);
}

// Four places of a row from `c` on; zeros behind its end.
fn within(v: vec4f, c: u32, width: u32) -> vec4f {
  return select(vec4f(), v, vec4(IS_WHOLE) | (c + vec4u(0, 1, 2, 3) < vec4u(width)));
}
