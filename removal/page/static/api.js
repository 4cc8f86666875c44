/** The server's JSON API: one function for each thing that can be asked of it. */
let token = document.querySelector("meta[name=removal-token]").content;
const ROOT = "/api/v1";

/** An answer that says what is wrong. */
export class Refused extends Error {}

/** Asks for the token (and the cookie) of a server that was started anew; false where it is not given without the address. */
async function renew() {
  const answer = await fetch("/");
  const found = answer.ok && /name="removal-token" content="([\w-]+)"/.exec(await answer.text());
  if (!found || found[1] === token) return false;
  [, token] = found;
  return true;
}

/** @param {string} path @param {RequestInit} options */
async function request(path, options = {}, again = true) {
  const headers = { ...options.headers, "x-removal-token": token };
  const answer = await fetch(ROOT + path, { ...options, headers });
  if (answer.ok) return answer;
  if (answer.status === 403 && again && (await renew())) return request(path, options, false);
  let text = `${answer.status}`;
  try { text = (await answer.json()).error; } catch { /* no JSON: the status says it */ }
  throw new Refused(text);
}

/** @param {string} path @param {object} body */
const post = async (path, body = {}) =>
  (await request(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } })).json();

export const state = async () => (await request("/state")).json();
export const photo = async (id) => (await request(`/photos/${id}`)).json();
export const chooseModels = (segmenter, inpainter) => post("/models", { segmenter, inpainter });
export const find = (id) => post(`/photos/${id}/find`);
export const parts = (id, objects) => post(`/photos/${id}/parts`, { objects });
export const point = (id, points, labels) => post(`/photos/${id}/point`, { points, labels });
export const fill = (id, steps, seed, base) => post(`/photos/${id}/fill`, { steps, seed, base });
export const close = (id) => request(`/photos/${id}`, { method: "DELETE", headers: { "content-type": "application/json" } });
export const save = (id, result) => post(`/photos/${id}/results/${result}/save`);
export const cancel = (job) => post(`/jobs/${job}/cancel`);
export const job = async (id) => (await request(`/jobs/${id}`)).json();
export const tileUrl = (id, source, level, col, row) => `${ROOT}/photos/${id}/tiles/${source}/${level}/${col}/${row}`;
export const thumbnailUrl = (id) => `${ROOT}/photos/${id}/thumbnail`;
export const resultThumbnailUrl = (id, result) => `${ROOT}/photos/${id}/results/${result}/thumbnail`;
export const resultUrl = (id, result) => `${ROOT}/photos/${id}/results/${result}/file`;

/** @param {File | Blob} file @param {string} name */
export const open = async (file, name) =>
  (await request(`/photos?name=${encodeURIComponent(name)}`, { method: "POST", body: file, headers: { "content-type": "application/octet-stream" } })).json();

/** @param {string} id @param {File} file */
export const uploadMask = async (id, file) =>
  (await request(`/photos/${id}/masks`, { method: "POST", body: file, headers: { "content-type": "application/octet-stream" } })).json();

/** @param {string} path @param {object} body @param {string} name  Fetches a file and hands it to the browser. */
export async function fetchFile(path, body, name) {
  const answer = await request(path, { method: "POST", body: JSON.stringify(body), headers: { "content-type": "application/json" } });
  const url = URL.createObjectURL(await answer.blob());
  const link = Object.assign(document.createElement("a"), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** Listens to what happens. @param {(event: object) => void} tell @param {(connected: boolean) => void} connection */
export function listen(tell, connection) {
  const source = new EventSource(`${ROOT}/events`);
  source.onopen = () => connection(true);
  source.onerror = () => {
    connection(false);
    if (source.readyState === EventSource.CLOSED) setTimeout(() => renew().catch(() => null).then(() => listen(tell, connection)), 1500);
  };
  source.onmessage = (message) => tell(JSON.parse(message.data));
}
