// Runs in the head, before anything is painted: a page that was dark does not flash.
try {
  const kept = localStorage.getItem("graft-theme");
  if (kept === "light" || kept === "dark") document.documentElement.dataset.theme = kept;
} catch {
  // Without storage the system decides.
}
