/** Fills, rounds of them on top of one another, and several tries of the same one. */
import * as api from "./api.js";
import { FRESH, stepsOf } from "./records.js";
import { TEXT } from "./strings.js";

export class Filling {
  /** @param {import("./app.js").App} app */
  constructor(app) { this.app = app; }

  /** Fills on top of what is shown; the result can be undone like a stroke. */
  async fill() {
    const { photo, marks, shown, working } = this.app;
    if (!photo || working?.kind === "fill") return;
    if (!marks.chosen.length && !marks.steps.length) { this.app.tell(TEXT.nothingMarked); return; }
    await this.run(photo, marks, 0, shown);
  }

  /** Fills the same place once more with the next seed. */
  async again() {
    const { photo, shown, working } = this.app;
    if (!photo || !shown || working?.kind === "fill") return;
    const made = photo.filled.get(shown);
    if (!made) { this.app.tell(TEXT.noSteps); return; }
    const steps = JSON.stringify(stepsOf(made.marks));
    const tries = [...photo.filled.values()].filter((one) => one.base === made.base && JSON.stringify(stepsOf(one.marks)) === steps);
    await this.run(photo, made.marks, Math.max(...tries.map((one) => one.seed)) + 1, made.base);
  }

  async run(photo, marks, seed, base) {
    const { app } = this;
    const done = await app.run(() => api.fill(photo.id, stepsOf(marks), seed, base));
    if (!done) return;
    photo.filled.set(done.result.id, { marks, base, seed });
    photo.pieces = null;
    photo.history.push({ ...FRESH, shown: done.result.id });
    if (photo === app.photo) { app.split = 0; app.pointed = null; }
    app.changed();
  }

  /** @param {string | null} result */
  show(result) { this.app.marking.mark({ shown: result }); }
}
