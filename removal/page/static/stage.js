/** The photo on the stage, and what is marked in it, drawn once a frame where something changed. */
import { COLOURS, dashed, drawStep, hits, outline, pathOf, tint } from "./layers.js";
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
    this.view = new View(this.canvas, () => this.request());
    this.drawing = null; // the step that is being drawn
    this.cursor = null; // where the pointer, or the keys' cross, stands in the photo
    this.cross = false; // whether the cursor is moved by keys
    this.original = false;
    this.shown = null;
    app.onChange(() => this.update());
    new ResizeObserver(() => { this.view.resize(); this.view.fit(); this.request(); }).observe(this.element);
  }

  update() {
    const { photo } = this.app;
    if (photo && this.shown !== photo.id) {
      this.shown = photo.id;
      this.cursor = null;
      this.view.resize();
      this.view.show(photo);
    }
    this.request();
  }

  request() {
    if (!this.pending) this.pending = requestAnimationFrame(() => { this.pending = 0; this.draw(); });
  }

  draw() {
    const { context, canvas, view, app } = this;
    const { photo, shown } = app;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    this.divider.hidden = !shown || this.original;
    if (!photo) return;
    view.transform(context);
    if (!shown || this.original || app.split > 0) view.draw(context, "original");
    if (shown && !this.original) {
      context.save();
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.beginPath();
      context.rect(app.split * view.width * view.ratio, 0, canvas.width, canvas.height);
      context.clip();
      view.transform(context);
      view.draw(context, shown, "original");
      context.restore();
      this.divider.style.left = `clamp(16px, ${app.split * 100}%, 100% - 16px)`;
      this.divider.setAttribute("aria-valuenow", Math.round(app.split * 100));
    }
    if (!this.original) this.drawMarks();
  }

  drawMarks() {
    const { view, app, marks, canvas } = this;
    const { photo } = app;
    if (marks.width !== canvas.width || marks.height !== canvas.height) Object.assign(marks, { width: canvas.width, height: canvas.height });
    const layer = marks.getContext("2d");
    layer.setTransform(1, 0, 0, 1, 0, 0);
    layer.clearRect(0, 0, marks.width, marks.height);
    view.transform(layer);
    const pixel = 1 / view.scale;
    if (photo.pieces) {
      for (const piece of photo.pieces) {
        if (app.marking.isOff(piece)) dashed(layer, pathOf(piece.outlines), COLOURS[piece.part], pixel);
        else tint(layer, pathOf(piece.outlines), COLOURS[piece.part], pixel);
      }
    } else {
      for (const object of photo.objects ?? []) {
        if (app.marks.chosen.includes(object.id)) tint(layer, pathOf(object.outlines), COLOURS.object, pixel);
      }
    }
    for (const step of app.marks.steps) drawStep(layer, step, pixel);
    if (this.drawing) drawStep(layer, this.drawing, pixel);
    this.context.setTransform(1, 0, 0, 1, 0, 0);
    this.context.drawImage(marks, 0, 0);
    view.transform(this.context);
    this.drawPointed(photo, pixel);
    if (this.cursor) this.drawCursor(pixel);
  }

  /** What the pointer is at is outlined, with its name. */
  drawPointed(photo, pixel) {
    const { pointed } = this.app;
    const object = photo.objects?.find((one) => one.id === pointed?.object);
    const piece = photo.pieces?.[pointed?.piece];
    if (!object && !piece) return;
    outline(this.context, pathOf((object ?? piece).outlines), COLOURS.hover, pixel);
    if (object) this.label(object.label, object.box[0], object.box[1]);
  }

  drawCursor(pixel) {
    const { app, context, cursor } = this;
    context.beginPath();
    if (["brush", "erase"].includes(app.tool)) context.arc(...cursor, app.size / 2 / this.view.scale, 0, 7);
    if (this.cross) {
      for (const [dx, dy] of [[1, 0], [0, 1]]) {
        context.moveTo(cursor[0] - 14 * dx * pixel, cursor[1] - 14 * dy * pixel);
        context.lineTo(cursor[0] + 14 * dx * pixel, cursor[1] + 14 * dy * pixel);
      }
    }
    for (const [width, colour] of [[3.5, "#000a"], [1.5, "#fff"]]) {
      context.lineWidth = width * pixel;
      context.strokeStyle = colour;
      context.stroke();
    }
  }

  label(text, x, y) {
    const { context, view } = this;
    const left = Math.max(0, x * view.scale + view.left);
    const top = Math.max(26, y * view.scale + view.top);
    context.setTransform(view.ratio, 0, 0, view.ratio, left * view.ratio, top * view.ratio);
    context.font = "600 14px system-ui, sans-serif";
    const { width } = context.measureText(text);
    context.fillStyle = "#000c";
    context.fillRect(0, -24, width + 14, 22);
    context.fillStyle = "#fff";
    context.fillText(text, 7, -8);
    view.transform(context);
  }

  /**
   * What lies under a point of the photo: a chosen object, then a thing that goes with one, the smallest object, a shadow.
   * @param {number[]} point @returns {{object: number} | {piece: number} | null}
   */
  under(point) {
    const { photo, marks } = this.app;
    const objects = (photo?.objects ?? []).filter((one) => hits(one.outlines, point));
    const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
    objects.sort((a, b) => area(a) - area(b));
    const chosen = objects.find((one) => marks.chosen.includes(one.id));
    if (chosen) return { object: chosen.id };
    const at = (part) => (photo?.pieces ?? []).findIndex((one) => one.part === part && hits(one.outlines, point));
    const [carried, shadow] = [at("attached"), at("shadow")];
    if (carried >= 0) return { piece: carried };
    if (objects.length) return { object: objects[0].id };
    return shadow >= 0 ? { piece: shadow } : null;
  }

  /** Uses the tool at a point of the photo, as a click does. @param {number[]} point @param {boolean} minus */
  use(point, minus = false) {
    const { app } = this;
    const { width, height } = app.photo;
    if (point[0] < 0 || point[1] < 0 || point[0] >= width || point[1] >= height) return;
    const under = this.under(point);
    if (under?.piece !== undefined) app.marking.togglePiece(app.photo.pieces[under.piece]);
    else if (under && (!minus || app.marks.chosen.includes(under.object))) app.marking.toggleObject(under.object);
    else app.marking.click(point, minus ? 0 : 1);
  }
}
