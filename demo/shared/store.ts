/** A value that is replaced, never changed in place, and those who want to know. */
export interface Store<State> {
  readonly state: State;
  set(patch: Partial<State>): void;
  /** Calls back now and at every change, with the state before. */
  watch(listener: (state: State, before: State | null) => void): void;
}

export function createStore<State extends object>(initial: State): Store<State> {
  let state = initial;
  const listeners: ((state: State, before: State | null) => void)[] = [];
  return {
    get state() {
      return state;
    },
    set(patch) {
      const before = state;
      state = { ...state, ...patch };
      for (const listener of listeners) listener(state, before);
    },
    watch(listener) {
      listeners.push(listener);
      listener(state, null);
    },
  };
}
