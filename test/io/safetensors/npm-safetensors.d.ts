/** The npm package `safetensors` 0.0.1 comes without types. */
declare module "safetensors" {
  export class SafeTensor {
    readonly metadata: Map<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
    constructor(file: Uint8Array);
    getTensor(name: string): Uint8Array;
  }
}
