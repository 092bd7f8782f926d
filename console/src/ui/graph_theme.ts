// Canvases don't follow style sheets: graphs are drawn anew when this rises.
import { signal } from "@preact/signals";

export const themeVersion = signal(0);
export const themeChanged = (): void => void themeVersion.value++;
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", themeChanged);
