// Before the first paint: the colours that were chosen here, if any. Else the system's.
try {
  const chosen = localStorage.getItem("weir.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // storage is off: the system's colours
}
export {};
