// A session's worker whose device a test can take away: the message "lose" destroys it, once.
const { requestDevice } = GPUAdapter.prototype;
let device: GPUDevice | undefined;
GPUAdapter.prototype.requestDevice = async function (this: GPUAdapter, descriptor) {
  device = await requestDevice.call(this, descriptor);
  return device;
};
let isTaken = false;
new BroadcastChannel("lose").onmessage = ({ data }) => {
  if (isTaken || data < 6) return;
  isTaken = true;
  device?.destroy();
};

export {};
