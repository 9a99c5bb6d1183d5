// What the adapter can compute: chains of multiply-adds on numbers that stay in registers. Each round is 64
// multiply-adds of 8 independent scalars, or with WIDE 128 of 8 independent vectors of four.

struct Params {
  rounds: u32,
}

alias V = f32;              // spec: vec4f
@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(1) @binding(0) var<uniform> params: Params;

fn total(v: V) -> f32 { return v; } // spec: return v.x + v.y + v.z + v.w;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let start = V(f32(id.x));
  var a = start;
  var b = start + V(1.0);
  var c = start + V(2.0);
  var d = start + V(3.0);
  var e = start + V(4.0);
  var f = start + V(5.0);
  var g = start + V(6.0);
  var h = start + V(7.0);
  let m = V(0.999);
  let q = V(0.001);
  for (var i = 0u; i < params.rounds; i++) {
    a = fma(a, m, q);
    b = fma(b, m, q);
    c = fma(c, m, q);
    d = fma(d, m, q);
    e = fma(e, m, q);
    f = fma(f, m, q);
    g = fma(g, m, q);
    h = fma(h, m, q);
    a = fma(a, m, q);
    b = fma(b, m, q);
    c = fma(c, m, q);
    d = fma(d, m, q);
    e = fma(e, m, q);
    f = fma(f, m, q);
    g = fma(g, m, q);
    h = fma(h, m, q);
  }
  y[id.x] = total(a + b + c + d + e + f + g + h);
}
