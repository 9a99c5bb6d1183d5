// The normal distribution and what is made of it: erf and both forms of gelu. Polynomials are minimax fits.

// e^(factor x²) for a factor of -1/2 or -1, with the rounding error of x² made good: beyond |x| = 5 it would be many
// units. NaN gives some number.
fn exponentialOfSquare(v: vec4<f32>, factor: f32) -> vec4<f32> {
  let t = absoluteUpTo(v, 15.0);
  let high = upperHalf(t);
  return exponentialOfSum(factor * (high * high), factor * ((t - high) * (t + high)));
}

// Φ(-t) e^(t²/2) for t = |v|, the share of the normal distribution beyond t over its density times √2π: a polynomial in
// w = (t - 3) / (t + 3), over t + 3.
fn scaledTail(v: vec4<f32>) -> vec4<f32> {
  let t = absoluteUpTo(v, 15.0);
  let w = (t - 3.0) / (t + 3.0);
  let p = ((((((((5.18566085e-5 * w - 2.03899239e-4) * w - 9.46751155e-4) * w + 1.01712940e-3) * w + 6.93746516e-3) * w
    - 0.0104624452) * w - 0.0472581908) * w + 0.230017707) * w - 0.509332180) * w + 0.729083717;
  return p / (t + 3.0);
}

// Φ(x), the share below x.
fn normalDistribution(v: vec4<f32>, density: vec4<f32>) -> vec4<f32> {
  let tail = density * scaledTail(v);
  return select(1.0 - tail, tail, isSigned(v));
}

// x Φ(x).
fn geluOf(v: vec4<f32>) -> vec4<f32> {
  return select(v * normalDistribution(v, exponentialOfSquare(v, -0.5)), v, isNotANumber(v));
}

// Φ(x) + x φ(x), where φ(x) = e^(-x²/2) / √2π.
fn geluSlope(v: vec4<f32>) -> vec4<f32> {
  let density = exponentialOfSquare(v, -0.5);
  let near = copySign(absoluteUpTo(v, 15.0), v);
  return select(normalDistribution(v, density) + 0.398942280 * near * density, v, isNotANumber(v));
}

// e^-z of z = 2 √(2/π) (t + 0.044715 t³), |t| <= 10.06: tanh(z/2) is what gelu's tanh form is made of. It is a power of
// two, whose exponent is held as an upper half and the rest, since an error of it is a relative error of the result.
fn geluExponential(t: vec4<f32>) -> vec4<f32> {
  let tHigh = upperHalf(t);
  let tLow = t - tHigh;
  let square = upperHalf(t * t);
  let squareLow = (tHigh * tHigh - square) + tLow * (t + tHigh);
  // 2 √(2/π) 0.044715 / ln 2 = 0.102935791015625 + 7.44856425e-06, and 2 √(2/π) / ln 2 = 2.3017578125 + 4.50385647e-04.
  let cubic = -0.102935791015625 * square;
  let cubicLow = -0.102935791015625 * squareLow - 7.44856425e-06 * (square + squareLow);
  let slope = upperHalf(cubic - 2.3017578125);
  let slopeLow = ((-2.3017578125 - slope) + cubic) + (cubicLow - 4.50385647e-04);
  return powerOfTwoOfSum(tHigh * slope, tLow * slope + t * slopeLow);
}

// x / (1 + e^-z) = x (1 + tanh(z/2)) / 2. From -10.06 on e^-z is infinite; NaN over any number is NaN.
fn geluTanhOf(v: vec4<f32>) -> vec4<f32> {
  return v / (1.0 + geluExponential(copySign(absoluteUpTo(v, 10.06), v)));
}

// s + x s (1 - s) dz/dx, where s = 1 / (1 + e^-z).
fn geluTanhSlope(v: vec4<f32>) -> vec4<f32> {
  let t = absoluteUpTo(v, 10.06);
  let e = geluExponential(t);
  let curve = e / ((1.0 + e) * (1.0 + e));
  let y = sigmoidFrom(e, v) + copySign(t, v) * curve * (1.59576912 + 0.214064442 * t * t);
  return select(y, v, isNotANumber(v));
}

// 2 / √π (x - x³/3 + …) near 0, 1 - e^-p(|x|) elsewhere.
fn errorFunction(v: vec4<f32>) -> vec4<f32> {
  let t = absoluteUpTo(v, 4.05);
  let q = absoluteUpTo(t * t, 1.0);
  let near = t + t * ((((((7.88913030e-5 * q - 8.02084105e-4) * q + 5.18953521e-3) * q - 0.0268544443) * q + 0.112836003) * q
    - 0.376126260) * q + 0.12837911);
  let exponent = (((((-1.98220732e-4 * t + 3.06550018e-3) * t - 0.0223152488) * t + 0.104113750) * t + 0.636976004) * t
    + 1.12779725) * t + 1.66438855e-4;
  let far = 1.0 - exponential(-exponent);
  let y = select(select(far, near, t < vec4(0.95)), 1.12837917 * t, isTiny(v));
  return select(copySign(y, v), v, isNotANumber(v));
}
