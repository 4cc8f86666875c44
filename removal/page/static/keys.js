/** The keyboard: everything that the mouse does. */
const TOOLS = { p: "point", n: "minus", b: "brush", e: "erase", l: "lasso", r: "box" };
const ARROWS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const MOVE_PX = 40;
const CROSS_PX = 12;
const TAP_MS = 250; // Tab held for less goes on to the next control, as everywhere

export class Keys {
  /** @param {import("./stage.js").Stage} stage @param {import("./pointers.js").Pointers} pointers @param {import("./panel.js").Panel} panel */
  constructor(stage, pointers, panel) {
    this.stage = stage;
    this.app = stage.app;
    this.pointers = pointers;
    this.panel = panel;
    this.since = 0;
  }

  listen() {
    document.addEventListener("keydown", (event) => {
      if (event.target.matches("input:not([type=range]), select") || document.querySelector("dialog[open]")) return;
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      if (this.pressed(event, key)) event.preventDefault();
    });
    document.addEventListener("keyup", (event) => this.released(event));
  }

  /** @returns {boolean} whether the key means something here */
  pressed(event, key) {
    const { app, stage } = this;
    if ((event.ctrlKey || event.metaKey) && key === "z") { app.marking.undo(event.shiftKey); return true; }
    if (event.ctrlKey || event.metaKey || event.altKey) return false;
    if (TOOLS[key]) { app.tool = TOOLS[key]; app.changed(); return true; }
    const anywhere = {
      "[": () => app.resize(0.87),
      "]": () => app.resize(1.15),
      "?": () => document.getElementById("keys").showModal(),
      t: () => app.filling.again(),
      s: () => this.panel.download(),
      Escape: () => this.escape(),
    }[key];
    if (anywhere) { anywhere(); return true; }
    if (!app.photo || (event.target.matches("button, summary") && [" ", "Enter"].includes(key))) return false;
    if (key === "Tab") return this.tab(event);
    if (event.target.matches("input")) return false;
    if (ARROWS[key]) { this.arrow(event, ARROWS[key]); return true; }
    const { view } = stage;
    const here = {
      Enter: () => app.filling.fill(),
      " ": () => { this.pointers.space = true; },
      "+": () => view.zoom(view.scale * 1.25),
      "=": () => view.zoom(view.scale * 1.25),
      "-": () => view.zoom(view.scale / 1.25),
      0: () => view.fit(),
      1: () => view.zoom(1 / view.ratio),
      8: () => view.zoom(8 / view.ratio),
      x: () => this.useTool(),
    }[key];
    if (here) here();
    return Boolean(here);
  }

  /** Gives up what is being drawn, or else cancels what is waited for. */
  escape() {
    const { stage } = this;
    if (!stage.drawing) { this.app.cancel(); return; }
    stage.drawing = null;
    stage.request();
  }

  /** Tab, held on the stage, shows the original. */
  tab(event) {
    const { stage } = this;
    if (event.shiftKey || event.target !== stage.element || !this.app.shown) return false;
    if (!stage.original) this.since = event.timeStamp;
    stage.original = true;
    stage.request();
    return true;
  }

  released(event) {
    const { stage } = this;
    if (event.key === " ") this.pointers.space = false;
    if (event.key !== "Tab" || !stage.original) return;
    stage.original = false;
    stage.request();
    if (event.timeStamp - this.since < TAP_MS) document.querySelector("#panel button:not(:disabled)").focus();
  }

  /** Arrows move the photo; on the line they move the line; with Shift they move a cross that X uses. */
  arrow(event, [dx, dy]) {
    const { app, stage } = this;
    if (event.target === stage.divider) {
      app.split = Math.min(1, Math.max(0, app.split - (dx + dy) * 0.02));
      app.changed();
    } else if (event.shiftKey) {
      const { view } = stage;
      const [x, y] = stage.cursor ?? view.toPhoto(view.width / 2, view.height / 2);
      const step = CROSS_PX / view.scale;
      stage.cursor = [Math.min(app.photo.width - 1, Math.max(0, x - dx * step)), Math.min(app.photo.height - 1, Math.max(0, y - dy * step))];
      stage.cross = true;
      app.point(stage.under(stage.cursor));
    } else {
      stage.view.move(dx * MOVE_PX, dy * MOVE_PX);
    }
  }

  /** Uses the tool where the cross stands. */
  useTool() {
    const { app, stage } = this;
    if (!stage.cursor) return;
    const step = this.pointers.begin(stage.cursor, false);
    if (!step) stage.use(stage.cursor, app.tool === "minus");
    else if (step.kind === "brush") app.marking.addStep(step);
  }
}
