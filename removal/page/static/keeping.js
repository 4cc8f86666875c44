/**
 * Marks outlive a reload: vectors, kept for this tab (sessionStorage) by the digest of the photo's file.
 * No picture is kept, and other tabs see nothing of it.
 */
import { History } from "./history.js";

const PREFIX = "removal:";
const KEPT_STATES = 60;

/** @param {object} photo  a record of `records.js` */
export function keep(photo) {
  const { past, now, future } = photo.history;
  const whole = { past: past.slice(-KEPT_STATES), now, future: future.slice(-KEPT_STATES), filled: [...photo.filled] };
  for (const one of [whole, { ...whole, past: [], future: [] }]) {
    if (write(PREFIX + photo.digest, JSON.stringify(one))) return;
    for (const key of Object.keys(sessionStorage)) {
      if (key.startsWith(PREFIX) && key !== PREFIX + photo.digest) sessionStorage.removeItem(key);
    }
  }
}

function write(key, text) {
  try {
    sessionStorage.setItem(key, text);
    return true;
  } catch { // full, or not allowed: then nothing is kept
    return false;
  }
}

/** What was kept of a photo, or null. @param {string} digest */
export function kept(digest) {
  try {
    const found = JSON.parse(sessionStorage.getItem(PREFIX + digest));
    if (!found) return null;
    const history = Object.assign(new History(found.now), { past: found.past, future: found.future });
    return { history, filled: new Map(found.filled) };
  } catch {
    return null;
  }
}

/** @param {string} digest */
export function forget(digest) {
  try { sessionStorage.removeItem(PREFIX + digest); } catch { /* nothing is kept there */ }
}
