/** What is marked: objects, the pieces that go with them, strokes and clicks; all of it can be undone. */
import * as api from "./api.js";
import { hits } from "./layers.js";
import { same } from "./records.js";
import { TEXT } from "./strings.js";

const NEAR_SHARE = 0.25; // of a cut's size: a click so near to it corrects it

export class Marking {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.refining = null;
  }

  /** Something is marked or unmarked. @param {Partial<import("./records.js").Marks>} change */
  mark(change) {
    const { photo } = this.app;
    if (!photo) return;
    const before = photo.history.now;
    photo.history.push({ ...before, ...change });
    this.after(before);
  }

  after(before) {
    const { app } = this;
    if (!same(before.chosen, app.marks.chosen)) { app.photo.pieces = null; this.refine(); }
    if (before.shown !== app.marks.shown) app.split = 0;
    app.pointed = null;
    app.changed();
  }

  undo(redo = false) {
    const { photo, marks } = this.app;
    if (photo && (redo ? photo.history.redo() : photo.history.undo())) this.after(marks);
  }

  /** Asks what goes with the chosen objects: shadows, attached things. */
  async refine() {
    const { app } = this;
    const { photo } = app;
    if (this.refining) api.cancel(this.refining).catch(() => null);
    this.refining = null;
    if (!photo?.history.now.chosen.length || photo.objects === null) return;
    await app.run(async () => {
      const job = await api.parts(photo.id, photo.history.now.chosen);
      this.refining = job.job;
      return job;
    });
  }

  toggleObject(id) {
    const { chosen } = this.app.marks;
    this.mark({ chosen: chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id] });
  }

  toggleClass(label) {
    const ids = this.app.photo.objects.filter((one) => one.label === label).map((one) => one.id);
    const { chosen } = this.app.marks;
    const all = ids.every((id) => chosen.includes(id));
    this.mark({ chosen: all ? chosen.filter((id) => !ids.includes(id)) : [...new Set([...chosen, ...ids])] });
  }

  /** Whether a piece is left. */
  isOff(piece) { return this.app.marks.off.some((one) => isAt(one, piece)); }

  togglePiece(piece) {
    const { off } = this.app.marks;
    const others = off.filter((one) => !isAt(one, piece));
    this.mark({ off: others.length < off.length ? others : [...off, { part: piece.part, point: piece.point }] });
  }

  addStep(step) { this.mark({ steps: [...this.app.marks.steps, step] }); }

  /**
   * A click beside every object: cuts out what is there, or corrects the last cut.
   * @param {number[]} point @param {0 | 1} label  1 = this, 0 = not this
   */
  async click(point, label) {
    const { app } = this;
    const { photo } = app;
    const { steps } = app.marks;
    const last = steps.at(-1)?.kind === "click" ? steps.at(-1) : null;
    if (!label && !last) { app.tell(TEXT.minusFirst); return; }
    const corrects = last && (!label || near(last, point));
    const step = corrects
      ? { kind: "click", points: [...last.points, point], labels: [...last.labels, label] }
      : { kind: "click", points: [point], labels: [label] };
    const result = await app.run(() => api.point(photo.id, step.points, step.labels));
    if (!result || app.photo !== photo || app.marks.steps !== steps) return;
    if (!result.outlines.length) { app.tell(TEXT.nothingThere); return; }
    this.mark({ steps: [...(corrects ? steps.slice(0, -1) : steps), { ...step, outlines: result.outlines }] });
  }
}

/** Whether a piece that is left is this one. @param {import("./records.js").Left} left */
const isAt = ({ part, point: [x, y] }, piece) => part === piece.part && hits(piece.outlines, [x + 0.5, y + 0.5]);

/** Whether a point lies at what was cut out, or close to it. */
function near(step, [x, y]) {
  const points = step.outlines?.flat() ?? step.points;
  const [xs, ys] = [points.map((one) => one[0]), points.map((one) => one[1])];
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const reach = NEAR_SHARE * Math.max(right - left, bottom - top);
  return x >= left - reach && x <= right + reach && y >= top - reach && y <= bottom + reach;
}
