/** The state of the page: photos, models, jobs, the connection; who shows it subscribes with `onChange`. */
import * as api from "./api.js";
import { Filling } from "./filling.js";
import { Jobs } from "./jobs.js";
import { forget, keep, kept } from "./keeping.js";
import { Marking } from "./marking.js";
import { FRESH, forgetObjects, matched, record, same, withoutMasks } from "./records.js";
import { TEXT } from "./strings.js";

const KEEP_AFTER_MS = 250;

export class App {
  constructor() {
    this.listeners = [];
    this.photos = new Map();
    this.current = null;
    this.models = { ready: false };
    this.jobs = new Jobs();
    this.marking = new Marking(this);
    this.filling = new Filling(this);
    this.message = "";
    this.said = "";
    this.connected = true;
    this.output = null;
    this.tool = "point";
    this.size = 40;
    this.split = 0; // where the line between before and after stands; 0 = all after
    this.pointed = null; // what is outlined: {object: id} or {piece: index}
    this.opening = 0;
  }

  onChange(listener) { this.listeners.push(listener); }

  changed() {
    for (const listener of this.listeners) listener();
    clearTimeout(this.keeping);
    this.keeping = setTimeout(() => this.keep(), KEEP_AFTER_MS);
  }

  /** Keeps what is marked for a reload of the page. */
  keep() { if (this.photo) keep(this.photo); }

  get photo() { return this.photos.get(this.current) ?? null; }

  get marks() { return this.photo?.history.now ?? FRESH; }

  /** The result that is looked at, by its id; null = the original. */
  get shown() { return this.marks.shown; }

  get working() { return this.jobs.of(this.current) ?? this.jobs.of(null); }

  /** Runs something that may be refused; what is wrong is shown. */
  async attempt(work) {
    try {
      this.message = this.connected ? "" : TEXT.lost;
      this.said = "";
      return await work();
    } catch (error) {
      if (!(error instanceof api.Refused || error instanceof TypeError)) throw error;
      this.tell(error instanceof api.Refused ? error.message : TEXT.lost);
      return null;
    }
  }

  /** Shows what is wrong. @param {string} message */
  tell(message) {
    this.message = message;
    this.changed();
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
    let lost = false;
    if (connected) {
      try { lost = await this.refresh(); } catch { return; }
    }
    this.connected = connected;
    this.message = connected ? "" : TEXT.lost;
    this.said = lost ? TEXT.anew : "";
    this.changed();
  }

  /**
   * Takes over the server's state; strokes stay. After the server was started anew its photos are opened again.
   * @returns {Promise<boolean>} whether it was started anew and results are lost
   */
  async refresh() {
    const state = await api.state();
    this.models = state.models;
    this.output = state.output;
    const there = new Set(state.photos.map((photo) => photo.id));
    const fresh = state.photos.filter((photo) => !this.photos.has(photo.id));
    let lost = false;
    for (const known of [...this.photos.values()].filter((photo) => !there.has(photo.id))) {
      const again = known.file ? await api.open(known.file, known.name) : matched(known, fresh);
      this.photos.delete(known.id);
      if (!again) continue;
      lost ||= known.results.length > 0;
      withoutMasks(known.history);
      this.photos.set(again.id, record(again, known.file, known));
      if (this.current === known.id) this.select(again.id);
    }
    for (const photo of fresh) if (!this.photos.has(photo.id)) this.photos.set(photo.id, this.known(photo));
    if (!this.photo && this.photos.size) this.select(this.photos.keys().next().value);
    for (const id of this.jobs.waited) {
      this.heard(await api.job(id).catch(() => ({ job: id, state: "cancelled" })));
    }
    this.changed();
    return lost;
  }

  /** A photo with what was marked in it before, unless it is open already. */
  known(photo, file = null) {
    const open = [...this.photos.values()].some((one) => one.digest === photo.digest);
    return record(photo, file, open ? null : kept(photo.digest));
  }

  /** @param {File[]} files */
  async open(files) {
    const refused = [];
    for (const file of files) {
      this.opening += 1;
      this.changed();
      const opened = await this.attempt(() => api.open(file, file.name || "pasted.png"));
      this.opening -= 1;
      if (!opened) { refused.push(this.message); continue; }
      this.photos.set(opened.id, this.known(opened, file));
      this.select(opened.id);
    }
    if (refused.length) this.tell(refused.join("\n"));
  }

  async close(id) {
    await this.attempt(() => api.close(id));
    if (this.photos.has(id)) forget(this.photos.get(id).digest);
    this.photos.delete(id);
    if (this.current === id) this.current = null;
    if (!this.photo && this.photos.size) this.select(this.photos.keys().next().value);
    this.changed();
  }

  select(id) {
    this.keep();
    this.current = id;
    this.split = 0;
    this.pointed = null;
    if (this.photo.objects === null) this.run(() => api.find(id));
    else if (this.marks.chosen.length && !this.photo.pieces) this.marking.refine();
    this.changed();
  }

  heard(event) {
    if (event.kind === "opened") {
      if (!this.photos.has(event.photo)) setTimeout(() => this.attempt(() => this.refresh()), 300);
      return;
    }
    if (event.kind === "refused") { this.tell(event.error); return; }
    if (event.state === "done") this.take(event, this.photos.get(event.photo));
    const awaited = this.jobs.heard(event);
    if (event.state === "failed" && !awaited) this.message = event.error;
    this.changed();
  }

  /** Takes over what came of a job. */
  take({ kind, result }, photo) {
    if (kind === "models") this.modelsAre(result);
    if (!photo) return;
    if (kind === "find") {
      photo.objects = result.objects;
      if (photo === this.photo && photo.history.now.chosen.length) this.marking.refine();
    }
    if (kind === "parts" && same(result.objects, photo.history.now.chosen)) photo.pieces = result.pieces;
    if (kind === "fill" && !photo.results.some((one) => one.id === result.result.id)) photo.results.push(result.result);
  }

  /** Other models are there; what another finder found is forgotten, and looked for anew. */
  modelsAre(models) {
    const before = this.models.chosen?.segmenter;
    this.models = models;
    if (before === undefined || before === models.chosen.segmenter) return;
    for (const photo of this.photos.values()) forgetObjects(photo);
    if (this.photo) this.select(this.current);
  }

  /** Outlines something in the photo. @param {{object: number} | {piece: number} | null} what */
  point(what) {
    this.pointed = what;
    for (const listener of this.listeners) listener();
  }

  /** Makes the brush larger or smaller. @param {number} factor */
  resize(factor) {
    this.size = Math.min(300, Math.max(2, this.size * factor));
    this.changed();
  }

  async cancel() {
    const { working } = this;
    if (working) await this.attempt(() => api.cancel(working.job));
  }
}
