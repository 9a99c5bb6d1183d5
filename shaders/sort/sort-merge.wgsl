// Merges sorted runs two by two: an element's place is its own in its run, and the number of those before it in the other,
// found by bisection. Equal keys of the left run come first. What lies beyond `keep` is dropped.
alias Y = vec2<u32>; // spec: i32 when one run is left, y [outer, keep, inner]

struct Params {
  count: u32, // rows · runs · capacity
  length: u32, // elements of a row before any were dropped
  span: u32, // of these, how many went into a run
  runs: u32,
  capacity: u32, // places of a run
  keep: u32, // places of a merged run
  inner: u32,
}

@group(0) @binding(0) var<storage, read> x: array<vec2<u32>>; // (key, index): [rows, runs, capacity]
@group(0) @binding(1) var<storage, read_write> y: array<Y>; // [rows, (runs + 1) / 2, keep]
@group(1) @binding(0) var<uniform> params: Params;

fn result(key: u32, index: u32) -> Y { return Y(key, index); }

fn lengthOf(run: u32) -> u32 {
  let begin = min(run * params.span, params.length);
  return min(min(params.span, params.length - begin), params.capacity);
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let i = (group.y * groups.x + group.x) * 64u + lane;
  if (i >= params.count) {
    return;
  }
  let slot = i % params.capacity;
  let run = (i / params.capacity) % params.runs;
  let row = i / (params.capacity * params.runs);
  if (slot >= lengthOf(run)) {
    return;
  }
  let own = x[i];
  let isRight = run % 2u == 1u;
  let other = select(run + 1u, run - 1u, isRight);
  let start = (row * params.runs + other) * params.capacity;
  var low = 0u;
  var high = lengthOf(other);
  while (low < high) {
    let middle = (low + high) / 2u;
    let key = x[start + middle].x;
    if (key < own.x || (isRight && key == own.x)) {
      low = middle + 1u;
    } else {
      high = middle;
    }
  }
  let place = slot + low;
  if (place >= params.keep) {
    return;
  }
  let merged = (params.runs + 1u) / 2u;
  let destination = ((row / params.inner) * params.keep + place) * params.inner + row % params.inner;
  y[select((row * merged + run / 2u) * params.keep + place, destination, merged == 1u)] = result(own.x, own.y);
}
