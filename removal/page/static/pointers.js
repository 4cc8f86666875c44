/** Every pointer, wheel and touch on the stage. */
const FAR_PX = 4; // a press that moves farther is no click
const DOUBLE_MS = 300;
const BRUSHES = ["brush", "erase"];

export class Pointers {
  /** @param {import("./stage.js").Stage} stage */
  constructor(stage) {
    this.stage = stage;
    this.app = stage.app;
    this.view = stage.view;
    this.down = new Map(); // where each pointer is
    this.space = false; // whether the space bar is held
    this.pressed = null;
    this.sliding = null; // the pointer that has the line between before and after
    this.last = { at: [0, 0], when: 0 };
    const on = (name, handler) => stage.element.addEventListener(name, handler.bind(this), { passive: false });
    on("pointerdown", this.press);
    on("pointermove", this.move);
    on("pointerup", this.release);
    on("pointercancel", this.release);
    on("pointerleave", this.leave);
    on("wheel", this.wheel);
    on("contextmenu", (event) => event.preventDefault());
  }

  place(event) {
    const box = this.stage.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  press(event) {
    const { stage, app } = this;
    if (!app.photo || event.target.closest("button")) return;
    stage.element.focus({ preventScroll: true });
    stage.cross = false;
    stage.element.setPointerCapture(event.pointerId);
    if (event.target === stage.divider) { this.sliding = event.pointerId; stage.cursor = null; return; }
    const at = this.place(event);
    this.down.set(event.pointerId, at);
    if (this.down.size === 2) { stage.drawing = null; this.pressed = null; this.pinch = this.span(); return; }
    const moving = event.button === 1 || this.space || app.tool === "move";
    this.pressed = { at, moving, far: false };
    if (!moving) stage.drawing = this.begin(this.view.toPhoto(...at), event.button === 2);
    stage.request();
  }

  /** The step that a press begins; null = none. */
  begin(point, erases) {
    const { tool, size } = this.app;
    const erase = erases || tool === "erase";
    if (erase || tool === "brush") return { kind: "brush", size_px: Math.max(1, size / this.view.scale), points: [point], erase };
    if (tool === "lasso") return { kind: "lasso", points: [point] };
    return tool === "box" ? { kind: "box", points: [point, point] } : null;
  }

  move(event) {
    const { stage, app } = this;
    const at = this.place(event);
    if (this.sliding === event.pointerId) {
      app.split = Math.min(1, Math.max(0, at[0] / this.view.width));
      app.changed();
      return;
    }
    if (!app.photo) return;
    const before = this.down.get(event.pointerId);
    if (before) this.down.set(event.pointerId, at);
    if (this.down.size === 2 && this.pinch) { this.pinched(); return; }
    stage.cursor = this.view.toPhoto(...at);
    stage.cross = false;
    if (this.pressed && Math.hypot(at[0] - this.pressed.at[0], at[1] - this.pressed.at[1]) > FAR_PX) this.pressed.far = true;
    if (this.pressed?.moving && before) this.view.move(at[0] - before[0], at[1] - before[1]);
    else if (stage.drawing) this.draw(event);
    else this.hover(event);
    stage.request();
  }

  pinched() {
    const now = this.span();
    this.view.zoom((this.view.scale * now.length) / this.pinch.length, ...now.middle);
    this.view.move(now.middle[0] - this.pinch.middle[0], now.middle[1] - this.pinch.middle[1]);
    this.pinch = now;
  }

  draw(event) {
    const { drawing } = this.stage;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) {
      const point = this.view.toPhoto(...this.place(one));
      if (drawing.kind === "box") drawing.points[1] = point;
      else drawing.points.push(point);
    }
  }

  hover(event) {
    const { stage, app } = this;
    const points = ["point", "minus"].includes(app.tool) && event.pointerType !== "touch";
    const under = points ? stage.under(stage.cursor) : null;
    stage.element.style.cursor = under ? "pointer" : BRUSHES.includes(app.tool) ? "none" : "crosshair";
    app.pointed = under;
  }

  release(event) {
    const { stage, pressed } = this;
    if (this.sliding === event.pointerId) { this.sliding = null; return; }
    this.down.delete(event.pointerId);
    if (this.down.size < 2) this.pinch = null;
    const { drawing } = stage;
    this.pressed = stage.drawing = null;
    stage.request();
    if (!pressed || event.type === "pointercancel") return;
    if (drawing) {
      if (drawing.kind === "brush" || pressed.far) this.app.marking.addStep(drawing);
    } else if (!pressed.far && !this.doubled(event, pressed.at) && !pressed.moving && this.app.tool !== "move") {
      stage.use(this.view.toPhoto(...pressed.at), event.altKey || this.app.tool === "minus");
    }
  }

  /** Whether this is the second of two clicks: it takes back what the first did, and shows all of the photo. */
  doubled(event, at) {
    const { last, app } = this;
    const near = Math.hypot(at[0] - last.at[0], at[1] - last.at[1]) < 2 * FAR_PX;
    const double = near && last.tool === app.tool && event.timeStamp - last.when < DOUBLE_MS;
    this.last = double ? { at, when: 0 } : { at, when: event.timeStamp, tool: app.tool, marks: app.marks };
    if (!double) return false;
    if (app.marks !== last.marks) app.marking.undo();
    else if (app.working?.kind === "point") app.cancel();
    this.view.fit();
    return true;
  }

  leave() {
    if (this.stage.cross) return;
    this.app.pointed = this.stage.cursor = null;
    this.stage.request();
  }

  span() {
    const [a, b] = [...this.down.values()];
    return { length: Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1])), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  }

  wheel(event) {
    const { app } = this;
    if (!app.photo) return;
    event.preventDefault();
    if (event.altKey) { app.resize(event.deltaY < 0 ? 1.15 : 0.87); return; }
    this.view.zoom(this.view.scale * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...this.place(event));
  }
}
