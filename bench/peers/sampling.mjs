// How often each engine is timed in a row, and what its samples say beside those of another.

/** Each engine has samples for about this long, but never fewer nor more of them than that. */
export const SAMPLING = { seconds: 2, least: 3, most: 25 };

/** How many samples an engine has in a row, where one takes so many milliseconds. */
export function samplesFor(milliseconds, { seconds, least, most } = SAMPLING) {
  return Math.min(most, Math.max(least, Math.ceil((1000 * seconds) / milliseconds)));
}

/**
 * Whether an engine with `samples` of its own has a turn in a round of all `rounds`. Its turns lie evenly among them, so
 * that engines with few samples and with many see the same moments of the machine.
 */
export function hasTurn(round, rounds, samples) {
  const turnsBefore = (end) => Math.floor((end * samples) / rounds + 0.5);
  return turnsBefore(round + 1) > turnsBefore(round);
}

function quantile(ordered, q) {
  const position = (ordered.length - 1) * q;
  const below = Math.floor(position);
  return ordered[below] + (position - below) * ((ordered[below + 1] ?? ordered[below]) - ordered[below]);
}

/** Median and quartiles: half of the samples lie between those. */
export function spreadOf(samples) {
  const ordered = [...samples].sort((a, b) => a - b);
  return {
    milliseconds: quantile(ordered, 0.5),
    lowerQuartile: quantile(ordered, 0.25),
    upperQuartile: quantile(ordered, 0.75),
    samples: samples.length,
  };
}

const overlap = (a, b) => a.lowerQuartile <= b.upperQuartile && b.lowerQuartile <= a.upperQuartile;

/**
 * How Graft stands in a row: how many times faster it is than the fastest peer at the same work, and with which peers it is
 * level, because the quartiles of both overlap. Nothing where Graft or every peer has no right answer.
 *
 * @param graft its line of the row
 * @param peers the lines of the engines that it is held against
 */
export function standing(graft, peers) {
  if (graft?.status !== "right") return {};
  const compared = peers
    .filter(({ status }) => status === "right")
    .map((peer) => ({ peer, own: peer.holdsForward ? graft.withForward : graft }));
  if (compared.length === 0) return {};
  return {
    bestPeerRatio: Math.min(...compared.map(({ peer, own }) => peer.milliseconds / own.milliseconds)),
    levelWith: compared.filter(({ peer, own }) => overlap(peer, own)).map(({ peer }) => peer.engine),
  };
}
