// What a product ends in, before the residual is added.

// spec: a choice of activations by params.activation
fn epilogue(v: vec4f) -> vec4f { return v; }
// spec: if (params.keepDistance != 0) { c[index + params.keepDistance] = v; }
fn keep(index: u32, v: f32) { return; }
