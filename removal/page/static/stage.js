/** The photo on the stage: drawing, and every pointer, wheel and touch on it. */
import { COLOURS, Shapes, drawStep, outline, tint } from "./layers.js";
import { View } from "./view.js";

export class Stage {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.element = document.getElementById("stage");
    this.canvas = document.getElementById("picture");
    this.divider = document.getElementById("divider");
    this.context = this.canvas.getContext("2d");
    this.marks = document.createElement("canvas");
    this.shapes = new Shapes();
    this.view = new View(this.canvas, () => this.request());
    this.pointers = new Map();
    this.hover = null;
    this.drawing = null;
    this.original = false;
    this.space = false;
    this.shown = null;
    app.onChange(() => this.update());
    new ResizeObserver(() => { this.view.resize(); this.view.fit(); this.request(); }).observe(this.element);
    const on = (name, handler) => this.element.addEventListener(name, handler.bind(this), { passive: false });
    on("pointerdown", this.down); on("pointermove", this.moved); on("pointerup", this.up); on("pointercancel", this.up);
    on("wheel", this.wheel); on("dblclick", this.doubled); on("contextmenu", (event) => event.preventDefault());
    on("pointerleave", () => { this.hover = null; this.cursor = null; this.request(); });
  }

  update() {
    const { photo } = this.app;
    if (photo && this.shown !== photo.id) { this.shown = photo.id; this.shapes.clear(); this.view.resize(); this.view.show(photo); }
    this.request();
  }

  request() {
    if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    const { photo } = this.app;
    const { context, canvas, view } = this;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    const { shown } = this.app;
    this.divider.hidden = !shown || this.original;
    if (!photo) return;
    const at = this.app.split * view.width * view.ratio;
    view.transform(context);
    view.draw(context, "original");
    if (shown && !this.original) {
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.beginPath();
      context.rect(at, 0, canvas.width, canvas.height);
      context.clip();
      view.transform(context);
      view.draw(context, shown);
      context.restore();
      this.divider.style.left = `clamp(16px, ${this.app.split * 100}%, 100% - 16px)`;
      this.divider.setAttribute("aria-valuenow", Math.round(this.app.split * 100));
    }
    if (!this.original) this.drawMarks();
  }

  drawMarks() {
    const { view, app } = this;
    const { photo } = app;
    const { chosen, off, steps } = app.marks;
    if (this.marks.width !== this.canvas.width || this.marks.height !== this.canvas.height) { this.marks.width = this.canvas.width; this.marks.height = this.canvas.height; }
    const layer = this.marks.getContext("2d");
    layer.setTransform(1, 0, 0, 1, 0, 0);
    layer.clearRect(0, 0, this.marks.width, this.marks.height);
    view.transform(layer);
    const pixel = 1 / view.scale;
    for (const object of photo.objects ?? []) {
      if (chosen.includes(object.id) && !photo.parts) tint(layer, this.shapes.get(`o${object.id}`, object.outlines), COLOURS.object, pixel);
    }
    if (photo.parts) {
      for (const [name, outlines] of Object.entries(photo.parts.parts)) {
        if (!off.includes(name)) tint(layer, this.shapes.get(`p${name}${photo.parts.objects}`, outlines), COLOURS[name], pixel);
      }
    }
    for (const step of steps) drawStep(layer, step, pixel);
    if (this.drawing) drawStep(layer, this.drawing, pixel);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(this.marks, 0, 0);
    view.transform(this.context);
    const object = app.tool === "point" ? photo.objects?.[this.hover] : null;
    if (object) {
      outline(this.context, this.shapes.get(`o${object.id}`, object.outlines), COLOURS.hover, pixel);
      this.label(object);
    }
    if (this.cursor && ["brush", "erase"].includes(app.tool)) {
      this.context.beginPath();
      this.context.arc(...this.cursor, app.size / 2 / view.scale, 0, 7);
      this.context.lineWidth = 1.5 * pixel;
      this.context.strokeStyle = "#fff";
      this.context.stroke();
    }
  }

  label(object) {
    const { context, view } = this;
    const [x, y] = [object.box[0], object.box[1]];
    context.setTransform(view.ratio, 0, 0, view.ratio, (x * view.scale + view.left) * view.ratio, (y * view.scale + view.top) * view.ratio);
    context.font = "600 14px system-ui, sans-serif";
    const { width } = context.measureText(object.label);
    context.fillStyle = "#000c";
    context.fillRect(0, -24, width + 14, 22);
    context.fillStyle = "#fff";
    context.fillText(object.label, 7, -8);
    view.transform(context);
  }

  place(event) {
    const box = this.element.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  /** The smallest object under a point of the photo, by its index; null = none. */
  objectAt([x, y]) {
    const { photo } = this.app;
    let best = null;
    (photo?.objects ?? []).forEach((object, index) => {
      this.context.setTransform(1, 0, 0, 1, 0, 0);
      const inside = this.context.isPointInPath(this.shapes.get(`o${object.id}`, object.outlines), x, y, "evenodd");
      const area = (object.box[2] - object.box[0]) * (object.box[3] - object.box[1]);
      if (inside && (best === null || area < best.area)) best = { index, area };
    });
    return best?.index ?? null;
  }

  down(event) {
    if (!this.app.photo || event.target.closest("button")) return;
    this.element.focus({ preventScroll: true });
    if (event.target === this.divider) { this.sliding = event.pointerId; this.cursor = null; this.element.setPointerCapture(event.pointerId); return; }
    const at = this.place(event);
    this.pointers.set(event.pointerId, at);
    this.element.setPointerCapture(event.pointerId);
    if (this.pointers.size === 2) { this.drawing = null; this.pressed = null; this.pinch = this.span(); return; }
    const moving = event.button === 1 || this.space || this.app.tool === "move";
    this.pressed = { at, moving, far: false, button: event.button };
    if (moving) return;
    const point = this.view.toPhoto(...at);
    const { tool, size } = this.app;
    const brush = ["brush", "erase"].includes(tool) || event.button === 2;
    if (brush) this.drawing = { kind: "brush", size_px: Math.max(1, size / this.view.scale), points: [point], erase: tool === "erase" || event.button === 2 };
    else if (tool === "lasso") this.drawing = { kind: "lasso", points: [point] };
    else if (tool === "box") this.drawing = { kind: "box", points: [point, point] };
    this.request();
  }

  moved(event) {
    const at = this.place(event);
    if (this.sliding === event.pointerId) { this.app.split = Math.min(1, Math.max(0, at[0] / this.view.width)); this.app.changed(); return; }
    if (!this.app.photo) return;
    const before = this.pointers.get(event.pointerId);
    if (before) this.pointers.set(event.pointerId, at);
    if (this.pointers.size === 2 && this.pinch) {
      const now = this.span();
      this.view.zoom((this.view.scale * now.length) / this.pinch.length, ...now.middle);
      this.view.move(now.middle[0] - this.pinch.middle[0], now.middle[1] - this.pinch.middle[1]);
      this.pinch = now;
      return;
    }
    this.cursor = this.view.toPhoto(...at);
    if (this.pressed && Math.hypot(at[0] - this.pressed.at[0], at[1] - this.pressed.at[1]) > 4) this.pressed.far = true;
    if (this.pressed?.moving && before) this.view.move(at[0] - before[0], at[1] - before[1]);
    else if (this.drawing) {
      const events = event.getCoalescedEvents?.() ?? [event];
      for (const one of events.length ? events : [event]) {
        const point = this.view.toPhoto(...this.place(one));
        if (this.drawing.kind === "box") this.drawing.points[1] = point;
        else this.drawing.points.push(point);
      }
    } else if (this.app.tool === "point") {
      const hover = event.pointerType === "touch" ? null : this.objectAt(this.cursor);
      this.element.style.cursor = hover === null ? "crosshair" : "pointer";
      this.hover = hover;
    }
    this.request();
  }

  up(event) {
    if (this.sliding === event.pointerId) { this.sliding = null; return; }
    this.pointers.delete(event.pointerId);
    if (this.pointers.size < 2) this.pinch = null;
    const { pressed, drawing } = this;
    this.pressed = null;
    this.drawing = null;
    if (!pressed || event.type === "pointercancel") { this.request(); return; }
    if (drawing) {
      if (drawing.kind === "brush" || pressed.far) this.app.addStep(drawing);
    } else if (this.app.tool === "point" && !pressed.moving && !pressed.far) {
      const point = this.view.toPhoto(...pressed.at);
      const { width, height } = this.app.photo;
      if (point[0] < 0 || point[1] < 0 || point[0] >= width || point[1] >= height) return;
      const object = this.objectAt(point);
      if (object !== null && !event.altKey) this.app.toggleObject(this.app.photo.objects[object].id);
      else this.app.click(point, event.altKey ? 0 : 1);
    }
    this.request();
  }

  span() {
    const [a, b] = [...this.pointers.values()];
    return { length: Math.max(1, Math.hypot(a[0] - b[0], a[1] - b[1])), middle: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] };
  }

  wheel(event) {
    if (!this.app.photo) return;
    event.preventDefault();
    if (event.altKey) { this.app.size = Math.min(300, Math.max(2, this.app.size * (event.deltaY < 0 ? 1.15 : 0.87))); this.app.changed(); return; }
    this.view.zoom(this.view.scale * Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0015)), ...this.place(event));
  }

  doubled(event) { if (event.target !== this.divider && ["point", "move"].includes(this.app.tool)) this.view.fit(); }
}
