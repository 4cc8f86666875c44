/** Puts the page together: state, stage, panel, dropping and pasting. */
import { App } from "./app.js";
import { Keys } from "./keys.js";
import { Panel } from "./panel.js";
import { Pointers } from "./pointers.js";
import { Stage } from "./stage.js";

const app = new App();
const stage = new Stage(app);
const pointers = new Pointers(stage);
const panel = new Panel(app);
const keys = new Keys(stage, pointers, panel);
keys.listen();

for (const name of ["dragover", "dragleave", "drop"]) {
  document.addEventListener(name, (event) => {
    event.preventDefault();
    stage.element.classList.toggle("over", name === "dragover");
    if (name === "drop") app.open([...event.dataTransfer.files]);
  });
}
document.addEventListener("paste", (event) => app.open([...event.clipboardData.files]));
addEventListener("pagehide", () => app.keep());

app.start();
