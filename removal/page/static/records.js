/** What the page keeps of each photo, and of the jobs that it waits for. */
import { History } from "./history.js";

/** Nothing is marked, and the original is shown. */
export const FRESH = Object.freeze({ chosen: [], off: [], steps: [], shown: null });

/** @param {number[]} a @param {number[]} b */
export const same = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);

/** A photo of the page. @param {object} photo  as the server describes it @param {File | null} file  where the page has it */
export function record(photo, file = null, history = null) {
  const shown = photo.results.at(-1)?.id ?? null;
  return { ...photo, file, objects: photo.objects ?? null, parts: null, filled: new Map(), history: history ?? new History({ ...FRESH, shown }) };
}

/** The strokes of a photo whose results are gone with the server that made them. @param {History} history */
export function withoutResults(history) {
  history.map((state) => ({ ...state, shown: null, steps: state.steps.filter((step) => step.kind !== "mask") }));
  return history;
}

/** Nothing is known of what is in a photo any more: another finder looks. */
export function forgetObjects(photo) {
  photo.objects = photo.parts = null;
  photo.filled.clear();
  photo.history.map((state) => ({ ...state, chosen: [] }));
}

/** The photo that the server was given once more at its new start. */
export const matched = (known, photos) => photos.find((one) => one.name === known.name && one.width === known.width && one.height === known.height);

const ENDED = ["done", "failed", "cancelled"];
const KEPT = 100;

/** The jobs that the page started; an end may be heard before the answer that names the job. */
export class Jobs {
  constructor() {
    this.running = new Map();
    this.waiting = new Map();
    this.ended = new Map();
  }

  /** The job of a photo that is worked on. */
  of(photo) { return [...this.running.values()].find((job) => job.photo === photo); }

  get waited() { return [...this.waiting.keys()]; }

  /** @param {{job: string}} job @returns {Promise<object>} the job's record at its end */
  follow(job) {
    const ended = this.ended.get(job.job);
    if (ended) return Promise.resolve(ended);
    if (!this.running.has(job.job)) this.running.set(job.job, job);
    return new Promise((resolve) => { this.waiting.set(job.job, resolve); });
  }

  /** Takes an event. @returns {boolean} whether somebody waits for this job */
  heard(event) {
    const waiting = this.waiting.get(event.job);
    if (!ENDED.includes(event.state)) { this.running.set(event.job, event); return Boolean(waiting); }
    this.running.delete(event.job);
    this.waiting.delete(event.job);
    this.ended.set(event.job, event);
    if (this.ended.size > KEPT) this.ended.delete(this.ended.keys().next().value);
    waiting?.(event);
    return Boolean(waiting);
  }
}
