/** The state of the page and what can be done to it; who shows it subscribes with `onChange`. */
import * as api from "./api.js";
import { History } from "./history.js";
import { TEXT } from "./strings.js";

const FRESH = { chosen: [], off: [], steps: [] };

export class App {
  constructor() {
    this.listeners = [];
    this.photos = new Map();
    this.current = null;
    this.models = { ready: false };
    this.jobs = new Map();
    this.message = "";
    this.connected = true;
    this.output = null;
    this.tool = "point";
    this.size = 40;
    this.split = 1;
  }

  onChange(listener) { this.listeners.push(listener); }

  changed() { for (const listener of this.listeners) listener(); }

  get photo() { return this.photos.get(this.current) ?? null; }

  get marks() { return this.photo?.history.now ?? FRESH; }

  get working() { return [...this.jobs.values()].find((job) => job.photo === this.current && (job.state === "queued" || job.state === "running")); }

  /** Runs something that may be refused; what is wrong is shown. */
  async attempt(work) {
    try {
      this.message = "";
      return await work();
    } catch (error) {
      this.message = error instanceof api.Refused ? error.message : TEXT.lost;
      this.changed();
      return null;
    }
  }

  async start() {
    await this.attempt(() => this.refresh());
    api.listen((event) => this.heard(event), (connected) => {
      if (connected && !this.connected) this.attempt(() => this.refresh());
      this.connected = connected;
      this.message = connected ? "" : TEXT.lost;
      this.changed();
    });
  }

  /** Takes over the server's state; strokes stay. After the server was started anew its photos are opened again. */
  async refresh() {
    const state = await api.state();
    this.models = state.models;
    this.output = state.output;
    const there = new Set(state.photos.map((photo) => photo.id));
    for (const known of [...this.photos.values()].filter((photo) => !there.has(photo.id) && photo.file)) {
      const opened = await api.open(known.file, known.name);
      this.photos.delete(known.id);
      this.add(opened, known.file, known.history);
      if (this.current === known.id) this.select(opened.id);
    }
    for (const photo of state.photos) if (!this.photos.has(photo.id)) this.add(photo);
    if (!this.photo && this.photos.size) this.select(this.photos.keys().next().value);
    this.changed();
  }

  add(photo, file = null, history = null) {
    this.photos.set(photo.id, { ...photo, file, objects: photo.objects ?? null, history: history ?? new History(FRESH), parts: null, shown: photo.results.at(-1)?.id ?? null });
  }

  async open(files) {
    for (const file of files) {
      const opened = await this.attempt(() => api.open(file, file.name || "pasted.png"));
      if (!opened) continue;
      this.add(opened, file);
      this.select(opened.id);
    }
  }

  select(id) {
    this.current = id;
    this.split = 1;
    const { photo } = this;
    if (photo.objects === null) this.attempt(async () => this.follow(await api.find(id)));
    this.changed();
  }

  follow(job) { this.jobs.set(job.job, job); this.changed(); }

  async heard(event) {
    if (event.kind === "opened") { if (!this.photos.has(event.photo)) await this.attempt(() => this.refresh()); return; }
    if (event.kind === "refused") { this.message = event.error; this.changed(); return; }
    this.jobs.set(event.job, event);
    const photo = this.photos.get(event.photo);
    if (event.state === "failed") this.message = event.error;
    if (event.state === "done") {
      if (event.kind === "models") this.models = event.result;
      if (photo && event.kind === "find") photo.objects = event.result.objects;
      if (photo && event.kind === "parts" && same(event.result.objects, photo.history.now.chosen)) photo.parts = event.result;
      if (photo && event.kind === "fill" && !photo.results.some((one) => one.id === event.result.result.id)) {
        photo.results.push(event.result.result);
        photo.shown = event.result.result.id;
        if (photo.id === this.current) this.split = 0.5;
      }
      if (event.kind === "point") this.answer?.(event);
    }
    if (!["queued", "running"].includes(event.state)) this.jobs.delete(event.job);
    this.changed();
  }

  /** Something is marked or unmarked; it can be undone. */
  mark(change) {
    const { photo } = this;
    if (!photo) return;
    const before = photo.history.now;
    photo.history.push({ ...before, ...change });
    this.afterMarks(before);
  }

  afterMarks(before) {
    const { photo } = this;
    if (!same(before.chosen, photo.history.now.chosen)) {
      photo.parts = null;
      if (photo.history.now.chosen.length) this.attempt(async () => this.follow(await api.parts(photo.id, photo.history.now.chosen)));
    }
    this.split = 1;
    this.changed();
  }

  undo(redo = false) {
    const { photo } = this;
    const before = this.marks;
    if (photo && (redo ? photo.history.redo() : photo.history.undo())) this.afterMarks(before);
  }

  toggleObject(id) {
    const { chosen } = this.marks;
    this.mark({ chosen: chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id] });
  }

  toggleClass(label) {
    const ids = this.photo.objects.filter((one) => one.label === label).map((one) => one.id);
    const { chosen } = this.marks;
    const all = ids.every((id) => chosen.includes(id));
    this.mark({ chosen: all ? chosen.filter((id) => !ids.includes(id)) : [...new Set([...chosen, ...ids])] });
  }

  togglePart(name) {
    const { off } = this.marks;
    this.mark({ off: off.includes(name) ? off.filter((one) => one !== name) : [...off, name] });
  }

  addStep(step) { this.mark({ steps: [...this.marks.steps, step] }); }

  /** Clicks beside every object: the last click step takes further clicks, the server says what they mean. */
  async click(point, label) {
    const { photo } = this;
    const { steps } = this.marks;
    const last = steps.at(-1);
    const step = last?.kind === "click" ? { ...last, points: [...last.points, point], labels: [...last.labels, label] } : { kind: "click", points: [point], labels: [label] };
    const event = await this.attempt(async () => {
      const job = await api.point(photo.id, step.points, step.labels);
      this.follow(job);
      return new Promise((resolve) => { this.answer = (heard) => heard.job === job.job && resolve(heard); });
    });
    if (event) this.mark({ steps: [...(last?.kind === "click" ? steps.slice(0, -1) : steps), { ...step, outlines: event.result.outlines }] });
  }

  /** The steps as the server takes them. */
  get steps() {
    const { chosen, off, steps } = this.marks;
    const parts = ["object", "shadow", "attached"].filter((name) => !off.includes(name));
    const objects = chosen.length ? [{ kind: "objects", objects: chosen, parts }] : [];
    return [...objects, ...steps.map(({ outlines, ...step }) => step)];
  }

  /** Fills; "again" repeats the shown try with the next seed, else it goes on from the shown result. */
  async fill(again = false) {
    const { photo } = this;
    if (!photo) return;
    const shown = photo.results.find((one) => one.id === photo.shown);
    if (again && !shown) return;
    const steps = again ? shown.steps ?? this.steps : this.steps;
    if (!steps.length) { this.message = TEXT.nothingMarked; this.changed(); return; }
    const base = again ? shown.base : photo.shown;
    const seed = again ? Math.max(...photo.results.filter((one) => one.base === shown.base).map((one) => one.seed)) + 1 : 0;
    const job = await this.attempt(() => api.fill(photo.id, steps, seed, base));
    if (!job) return;
    this.follow(job);
    const wait = () => {
      const done = photo.results.find((one) => one.job === undefined && one.seed === seed && one.base === base && !one.steps);
      if (done) { done.steps = steps; if (!again) photo.history.push({ ...FRESH }); photo.parts = null; this.listeners.splice(this.listeners.indexOf(wait), 1); this.changed(); }
    };
    this.onChange(wait);
  }

  show(result) { this.photo.shown = result; this.split = result ? 0.5 : 1; this.changed(); }

  async cancel() { if (this.working) await this.attempt(() => api.cancel(this.working.job)); }
}

/** @param {number[]} a @param {number[]} b */
export const same = (a, b) => a.length === b.length && a.every((value, index) => value === b[index]);
