/** Where a page that nobody drives posts, as JSON, what it has seen. */
export const SEEN = "/seen";
