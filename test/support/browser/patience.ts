/**
 * Milliseconds after which a page that has not come into a state is taken for one that never will. Tests in a browser wait
 * for states, and for nothing else; this only ends a wait that is in vain, on the busiest of machines.
 */
export const PATIENCE = 600_000;
