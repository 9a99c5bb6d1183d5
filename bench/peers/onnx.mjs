// The little of ONNX's protobuf schema (onnx.proto3, IR version 9) that the workloads need, and models made of it.
import protobuf from "protobufjs";

const { root } = protobuf.parse(
  `
  syntax = "proto3";
  message Attribute { string name = 1; float f = 2; int64 i = 3; bytes s = 4; repeated int64 ints = 8; int32 type = 20; }
  message Node { repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4; repeated Attribute attribute = 5; }
  message Tensor { repeated int64 dims = 1; int32 data_type = 2; string name = 8; bytes raw_data = 9; }
  message Dimension { int64 dim_value = 1; }
  message Shape { repeated Dimension dim = 1; }
  message TensorType { int32 elem_type = 1; Shape shape = 2; }
  message Type { TensorType tensor_type = 1; }
  message ValueInfo { string name = 1; Type type = 2; }
  message Graph { repeated Node node = 1; string name = 2; repeated Tensor initializer = 5; repeated ValueInfo input = 11; repeated ValueInfo output = 12; }
  message OperatorSet { string domain = 1; int64 version = 2; }
  message Model { int64 ir_version = 1; Graph graph = 7; repeated OperatorSet opset_import = 8; }
`,
  { keepCase: true },
);
const Model = root.lookupType("Model");

const FLOAT = 1;
const INT64 = 7;

function attribute(name, value) {
  if (typeof value === "string") return { name, type: 3, s: new TextEncoder().encode(value) };
  if (Array.isArray(value)) return { name, type: 7, ints: value };
  return Number.isInteger(value) ? { name, type: 2, i: value } : { name, type: 1, f: value };
}

/** A node: operator, names of inputs, names of outputs, attributes. */
export const node = (operator, input, output, attributes = {}) => ({
  op_type: operator,
  input,
  output: [output].flat(),
  attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
});

const valueInfo = ([name, shape]) => ({
  name,
  type: { tensor_type: { elem_type: FLOAT, shape: { dim: shape.map((dim_value) => ({ dim_value })) } } },
});

const initializer = ([name, { shape, data }]) => ({
  name,
  dims: shape,
  data_type: data instanceof BigInt64Array ? INT64 : FLOAT,
  raw_data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
});

/** The bytes of a model. `inputs` and `outputs` are shapes by name, `constants` `{ shape, data }` by name. */
export function encodeModel({ nodes, inputs, outputs, constants = {} }) {
  const graph = {
    name: "workload",
    node: nodes,
    input: Object.entries(inputs).map(valueInfo),
    output: Object.entries(outputs).map(valueInfo),
    initializer: Object.entries(constants).map(initializer),
  };
  return Model.encode(Model.create({ ir_version: 9, opset_import: [{ domain: "", version: 20 }], graph })).finish();
}
