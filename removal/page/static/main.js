/** Puts the page together: state, stage, panel, keys, dropping and pasting. */
import { App } from "./app.js";
import { Panel } from "./panel.js";
import { Stage } from "./stage.js";

const app = new App();
const stage = new Stage(app);
const panel = new Panel(app);

const TOOL_KEYS = { p: "point", b: "brush", e: "erase", l: "lasso", r: "box" };

document.addEventListener("keydown", (event) => {
  if (event.target.matches("input:not([type=range]), select") || document.querySelector("dialog[open]")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if ((event.ctrlKey || event.metaKey) && key === "z") app.undo(event.shiftKey);
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (TOOL_KEYS[key]) { app.tool = TOOL_KEYS[key]; app.changed(); }
  else if (key === "[" || key === "]") { app.size = Math.min(300, Math.max(2, app.size * (key === "]" ? 1.15 : 0.87))); app.changed(); }
  else if (key === "?") document.getElementById("keys").showModal();
  else if (key === "t") app.again();
  else if (key === "s") panel.download();
  else if (key === "Escape") { if (stage.drawing) { stage.drawing = null; stage.request(); } else app.cancel(); }
  else if (!app.photo || (event.target.matches("button") && [" ", "Enter"].includes(key))) return;
  else if (key === "Enter") app.fill();
  else if (key === "Tab" && !event.shiftKey && event.target === stage.element && app.shown) { if (!stage.original) stage.since = event.timeStamp; stage.original = true; stage.request(); }
  else if (key === " ") stage.space = true;
  else if (key === "+" || key === "=") stage.view.zoom(stage.view.scale * 1.25);
  else if (key === "-") stage.view.zoom(stage.view.scale / 1.25);
  else if (key === "0") stage.view.fit();
  else if (key === "1" || key === "8") stage.view.zoom(Number(key) / stage.view.ratio);
  else if (key.startsWith("Arrow")) arrow(event, key);
  else return;
  event.preventDefault();
});

document.addEventListener("keyup", (event) => {
  if (event.key === " ") stage.space = false;
  if (event.key !== "Tab" || !stage.original) return;
  stage.original = false;
  stage.request();
  if (event.timeStamp - stage.since < 250) document.querySelector("#panel button:not(:disabled)").focus(); // a tap goes on, as everywhere
});

function arrow(event, key) {
  const step = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key];
  if (event.target.id === "divider") { app.split = Math.min(1, Math.max(0, app.split - step[0] * 0.02)); app.changed(); }
  else stage.view.move(step[0] * 40, step[1] * 40);
}

const { element } = stage;
for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    element.classList.toggle("over", name === "dragover");
    if (name === "drop") app.open([...event.dataTransfer.files]);
  });
}
document.addEventListener("paste", (event) => app.open([...event.clipboardData.files]));

app.start();
