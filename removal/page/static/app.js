/** The state of the page and what can be done to it; who shows it subscribes with `onChange`. */
import * as api from "./api.js";
import { FRESH, Jobs, forgetObjects, matched, record, same, withoutResults } from "./records.js";
import { TEXT } from "./strings.js";

export class App {
  constructor() {
    this.listeners = [];
    this.photos = new Map();
    this.current = null;
    this.models = { ready: false };
    this.jobs = new Jobs();
    this.message = "";
    this.said = "";
    this.connected = true;
    this.output = null;
    this.tool = "point";
    this.size = 40;
    this.split = 0; // where the line between before and after stands; 0 = all after
  }

  onChange(listener) { this.listeners.push(listener); }

  changed() { for (const listener of this.listeners) listener(); }

  get photo() { return this.photos.get(this.current) ?? null; }

  get marks() { return this.photo?.history.now ?? FRESH; }

  /** The result that is looked at, by its id; null = the original. */
  get shown() { return this.marks.shown; }

  get working() { return this.jobs.of(this.current); }

  /** Runs something that may be refused; what is wrong is shown. */
  async attempt(work) {
    try {
      this.message = this.connected ? "" : TEXT.lost;
      this.said = "";
      return await work();
    } catch (error) {
      if (!(error instanceof api.Refused || error instanceof TypeError)) throw error;
      this.message = error instanceof api.Refused ? error.message : TEXT.lost;
      this.changed();
      return null;
    }
  }

  /** Starts a job and waits for its end: its result; null where it was cancelled, refused or failed. */
  run(start) {
    return this.attempt(async () => {
      const ending = this.jobs.follow(await start());
      this.changed();
      const ended = await ending;
      if (ended.state === "failed") throw new api.Refused(ended.error);
      return ended.state === "done" ? ended.result : null;
    });
  }

  async start() {
    await this.attempt(() => this.refresh());
    api.listen((event) => this.heard(event), (connected) => this.connection(connected));
  }

  /** Says that the server is gone; that it is back only once everything is there again. */
  async connection(connected) {
    if (connected === this.connected) return;
    if (connected) await this.refresh().catch(() => { connected = false; });
    this.connected = connected;
    this.message = connected ? "" : TEXT.lost;
    this.changed();
  }

  /** Takes over the server's state; strokes stay. After the server was started anew its photos are opened again. */
  async refresh() {
    const state = await api.state();
    this.models = state.models;
    this.output = state.output;
    const there = new Set(state.photos.map((photo) => photo.id));
    const fresh = state.photos.filter((photo) => !this.photos.has(photo.id));
    for (const known of [...this.photos.values()].filter((photo) => !there.has(photo.id))) {
      const again = known.file ? await api.open(known.file, known.name) : matched(known, fresh);
      this.photos.delete(known.id);
      if (again) {
        this.photos.set(again.id, record(again, known.file, withoutResults(known.history)));
        if (this.current === known.id) this.select(again.id);
      }
    }
    for (const photo of fresh) if (!this.photos.has(photo.id)) this.photos.set(photo.id, record(photo));
    if (!this.photo && this.photos.size) this.select(this.photos.keys().next().value);
    for (const id of this.jobs.waited) {
      this.heard(await api.job(id).catch(() => ({ job: id, state: "cancelled" })));
    }
    this.changed();
  }

  async open(files) {
    const refused = [];
    for (const file of files) {
      const opened = await this.attempt(() => api.open(file, file.name || "pasted.png"));
      if (!opened) { refused.push(this.message); continue; }
      this.photos.set(opened.id, record(opened, file));
      this.select(opened.id);
    }
    if (refused.length) { this.message = refused.join("\n"); this.changed(); }
  }

  async close(id) {
    await this.attempt(() => api.close(id));
    this.photos.delete(id);
    if (this.current === id) this.current = null;
    if (!this.photo && this.photos.size) this.select(this.photos.keys().next().value);
    this.changed();
  }

  select(id) {
    this.current = id;
    this.split = 0;
    if (this.photo.objects === null) this.run(() => api.find(id));
    else if (this.marks.chosen.length && !this.photo.parts) this.refine();
    this.changed();
  }

  heard(event) {
    if (event.kind === "opened") { if (!this.photos.has(event.photo)) setTimeout(() => this.attempt(() => this.refresh()), 300); return; }
    if (event.kind === "refused") { this.message = event.error; this.changed(); return; }
    const photo = this.photos.get(event.photo);
    if (event.state === "done") {
      if (event.kind === "models") this.modelsAre(event.result);
      if (photo && event.kind === "find") { photo.objects = event.result.objects; if (photo.history.now.chosen.length) this.refine(); }
      if (photo && event.kind === "parts" && same(event.result.objects, photo.history.now.chosen)) photo.parts = event.result;
      if (photo && event.kind === "fill" && !photo.results.some((one) => one.id === event.result.result.id)) photo.results.push(event.result.result);
    }
    const awaited = this.jobs.heard(event);
    if (event.state === "failed" && !awaited) this.message = event.error;
    this.changed();
  }

  /** Other models are there; what another finder found is forgotten, and looked for anew. */
  modelsAre(models) {
    const before = this.models.chosen?.segmenter;
    this.models = models;
    if (before === undefined || before === models.chosen.segmenter) return;
    for (const photo of this.photos.values()) forgetObjects(photo);
    if (this.photo) this.select(this.current);
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
    if (!same(before.chosen, photo.history.now.chosen)) { photo.parts = null; this.refine(); }
    this.split = 0;
    this.changed();
  }

  /** Asks what goes with the chosen objects: shadows, attached things. */
  async refine() {
    const { photo } = this;
    if (this.refining) api.cancel(this.refining).catch(() => null);
    this.refining = null;
    if (!photo?.history.now.chosen.length || photo.objects === null) return;
    await this.run(async () => {
      const job = await api.parts(photo.id, photo.history.now.chosen);
      this.refining = job.job;
      return job;
    });
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
    const result = await this.run(() => api.point(photo.id, step.points, step.labels));
    if (!result || this.photo !== photo || this.marks.steps !== steps) return;
    this.mark({ steps: [...(last?.kind === "click" ? steps.slice(0, -1) : steps), { ...step, outlines: result.outlines }] });
  }

  /** The steps as the server takes them. */
  get steps() {
    const { chosen, off, steps } = this.marks;
    const parts = ["object", "shadow", "attached"].filter((name) => !off.includes(name));
    const objects = chosen.length ? [{ kind: "objects", objects: chosen, parts }] : [];
    return [...objects, ...steps.map(({ outlines, ...step }) => step)];
  }

  /** Fills on top of what is shown; the result can be undone like a stroke. */
  async fill() {
    const { photo, steps, shown } = this;
    if (!photo || this.working?.kind === "fill") return;
    if (!steps.length) { this.message = TEXT.nothingMarked; this.changed(); return; }
    await this.filled(photo, steps, 0, shown);
  }

  /** Fills the same place once more with the next seed. */
  async again() {
    const { photo } = this;
    const shown = photo?.results.find((one) => one.id === this.shown);
    if (!shown || this.working?.kind === "fill") return;
    const steps = photo.filled.get(shown.id);
    if (!steps) { this.message = TEXT.noSteps; this.changed(); return; }
    const tries = photo.results.filter((one) => photo.filled.get(one.id) === steps);
    await this.filled(photo, steps, Math.max(...tries.map((one) => one.seed)) + 1, shown.base);
  }

  async filled(photo, steps, seed, base) {
    const done = await this.run(() => api.fill(photo.id, steps, seed, base));
    if (!done) return;
    photo.filled.set(done.result.id, steps);
    photo.parts = null;
    photo.history.push({ ...FRESH, shown: done.result.id });
    if (photo === this.photo) this.split = 0;
    this.changed();
  }

  show(result) { this.mark({ shown: result }); }

  async cancel() {
    const { working } = this;
    if (working) await this.attempt(() => api.cancel(working.job));
  }
}
