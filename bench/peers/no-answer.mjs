/** An engine did not answer while it was waited for: it is slow, and not known to be wrong. */
export class NoAnswer extends Error {
  constructor(milliseconds) {
    super(`no answer in ${milliseconds / 1000} s`);
  }
}
