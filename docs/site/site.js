// Of every page of the documentation: the menu of small screens, copying of blocks, the search.
const root = document.currentScript.dataset.root;

const menu = document.querySelector(".menu");
menu.addEventListener("click", () => {
  const open = document.getElementById("pages").classList.toggle("open");
  menu.setAttribute("aria-expanded", String(open));
});

for (const block of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = "Copy";
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(block.querySelector("code").innerText);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 1500);
  });
  block.append(button);
}

const box = document.getElementById("search");
const list = document.getElementById("found");
let loading;

function loaded() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${root}search.js`;
    script.onload = resolve;
    script.onerror = reject;
    document.head.append(script);
  });
  return loading;
}

function score(part, words) {
  let sum = 0;
  const title = `${part.title} ${part.page}`.toLowerCase();
  const text = part.text.toLowerCase();
  for (const word of words) {
    const here = (title.includes(word) ? 10 : 0) + (text.includes(word) ? 1 : 0);
    if (here === 0) return 0;
    sum += here;
  }
  return sum;
}

async function look() {
  const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
  await loaded();
  const found = words.length === 0 ? [] : globalThis.parts
    .map((part) => ({ part, sum: score(part, words) }))
    .filter((one) => one.sum > 0)
    .sort((a, b) => b.sum - a.sum)
    .slice(0, 12);
  list.replaceChildren(...found.map(({ part }) => {
    const link = document.createElement("a");
    link.href = root + part.address;
    link.textContent = part.title;
    const more = document.createElement("small");
    more.textContent = `${part.page} · ${part.text.slice(0, 110)}`;
    link.append(more);
    const item = document.createElement("li");
    item.append(link);
    return item;
  }));
  if (words.length > 0 && found.length === 0) {
    const item = document.createElement("li");
    item.textContent = "Nothing is found.";
    list.append(item);
  }
  list.hidden = words.length === 0;
}

box.addEventListener("input", look);
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && document.activeElement !== box) {
    event.preventDefault();
    box.focus();
  } else if (event.key === "Escape") {
    list.hidden = true;
    box.blur();
  } else if ((event.key === "ArrowDown" || event.key === "ArrowUp") && !list.hidden) {
    const links = [...list.querySelectorAll("a")];
    const next = links.indexOf(document.activeElement) + (event.key === "ArrowDown" ? 1 : -1);
    event.preventDefault();
    (links[next] ?? box).focus();
  }
});
