/** What one step asks of the device, after two steps to warm up. */
export interface StepCounts {
  dispatches: number;
  submits: number;
  buffersCreated: number;
  bindGroupsCreated: number;
  pipelinesCreated: number;
  /** Most bytes of buffers in use at a time. */
  peakBytes: number;
}
