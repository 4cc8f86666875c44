/** What the page keeps of each photo, and of the jobs that it waits for. */
import { History } from "./history.js";

/**
 * Marks: what is chosen and painted, and which result is looked at (`shown`, null = the original).
 * @typedef {{part: string, point: number[]}} Left  a piece that is left, by a point inside it
 * @typedef {{chosen: number[], off: Left[], steps: object[], shown: string | null}} Marks
 */

/** Nothing is marked, and the original is shown. @type {Marks} */
export const FRESH = Object.freeze({ chosen: [], off: [], steps: [], shown: null });

/** @param {number[]} a @param {number[]} b */
export const same = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);

/** The steps of marks as the server takes them. @param {Marks} marks */
export function stepsOf({ chosen, off, steps }) {
  const objects = chosen.length ? [{ kind: "objects", objects: chosen, without: off }] : [];
  return [...objects, ...steps.map(({ outlines, ...step }) => step)];
}

/**
 * A photo of the page; `filled`: what each result was marked with, {marks, base, seed} by its id.
 * @param {object} photo  as the server describes it
 * @param {File | null} file  where the page has it
 * @param {{history: History, filled: Map<string, object>} | null} kept  what is known of it from before
 */
export function record(photo, file = null, kept = null) {
  const made = { ...photo, file, objects: photo.objects ?? null, pieces: null, filled: kept?.filled ?? new Map() };
  made.history = kept?.history ?? new History({ ...FRESH, shown: photo.results.at(-1)?.id ?? null });
  revive(made);
  return made;
}

/** Where results are gone, what they were marked with is marked again, so that it can be removed again. */
function revive(photo) {
  const there = new Set(photo.results.map((one) => one.id));
  const { filled } = photo;
  const lost = (shown) => shown !== null && !there.has(shown);
  photo.history.map((state) => {
    let next = state;
    while (lost(next.shown)) {
      const before = filled.get(next.shown) ?? { marks: FRESH, base: null };
      const { chosen, off, steps } = before.marks;
      next = { chosen: [...new Set([...chosen, ...next.chosen])], off: [...off, ...next.off], steps: [...steps, ...next.steps], shown: before.base };
    }
    return next;
  });
  for (const id of filled.keys()) if (!there.has(id)) filled.delete(id);
}

/** Of a server that was started anew: masks that were given to the old one are not there. @param {History} history */
export function withoutMasks(history) {
  history.map((state) => ({ ...state, steps: state.steps.filter((step) => step.kind !== "mask") }));
}

/** Nothing is known of what is in a photo any more: another finder looks. */
export function forgetObjects(photo) {
  photo.objects = photo.pieces = null;
  photo.history.map((state) => ({ ...state, chosen: [], off: [] }));
  for (const one of photo.filled.values()) one.marks = { ...one.marks, chosen: [], off: [] };
}

/** The photo that the server was given once more at its new start. */
export const matched = (known, photos) => photos.find((one) => one.digest === known.digest && one.name === known.name);
