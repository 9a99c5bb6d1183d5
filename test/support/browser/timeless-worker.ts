// A session's worker in which no time passes for timers and frames, as in a tab that nobody sees.
const never = (): number => 0;
Object.assign(globalThis, {
  setTimeout: never,
  setInterval: never,
  requestAnimationFrame: never,
  requestIdleCallback: never,
});

export {};
