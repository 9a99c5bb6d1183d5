// Runs in the head, before anything is painted or loaded.

// A page that was dark does not flash.
try {
  const kept = localStorage.getItem("graft-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // Without storage the system decides.
}

// A headless browser may call its language "en-US@posix", which names none, and uPlot asks for its numbers when it is loaded.
try {
  Intl.getCanonicalLocales(navigator.language);
} catch {
  Object.defineProperty(navigator, "language", { value: "en-US", configurable: true });
}
