// How the lanes of a subgroup pass round what they hold.

// What the given lane holds. spec: return subgroupShuffle(x, lane);
fn fromLane(x: vec4f, lane: u32) -> vec4f { return x; }

// What four lanes hold, from `first` on, a multiple of four. spec: the like
fn fromFour(x: vec4f, first: u32) -> mat4x4f { return mat4x4f(x, x, x, x); }
