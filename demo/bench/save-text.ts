/** Hands a text to the browser as a download. */
export function saveText(name: string, type: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // The browser has taken the file once the click is over; some take it a little later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
