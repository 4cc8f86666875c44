/** The panel beside the photo: it does what its buttons say, and shows the state. */
import * as api from "./api.js";
import { buttons, choices, element } from "./controls.js";
import { COLOURS } from "./layers.js";
import { stepsOf } from "./records.js";
import { Strip } from "./strip.js";
import { KEYS, PARTS, STAGES, TEXT, TOOLS, counted, numbered } from "./strings.js";

export class Panel {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.strip = new Strip(app);
    for (const one of document.querySelectorAll("[data-text]")) one.textContent = TEXT[one.dataset.text];
    for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", TEXT[one.dataset.label]);
    for (const [keys, what] of KEYS) {
      element("key-list").append(Object.assign(document.createElement("dt"), { textContent: keys }), Object.assign(document.createElement("dd"), { textContent: what }));
    }
    this.wire();
    app.onChange(() => this.update());
    this.update();
  }

  wire() {
    const { app } = this;
    const { marking, filling } = app;
    const clicks = {
      open: () => element("file").click(),
      undo: () => marking.undo(),
      redo: () => marking.undo(true),
      clear: () => marking.mark({ chosen: [], off: [], steps: [] }),
      grow: () => marking.addStep({ kind: "grow", px: this.step() }),
      shrink: () => marking.addStep({ kind: "shrink", px: this.step() }),
      invert: () => marking.addStep({ kind: "invert" }),
      fill: () => filling.fill(),
      again: () => filling.again(),
      cancel: () => app.cancel(),
      download: () => this.download(),
      save: () => this.save(),
      zip: () => app.attempt(() => api.fetchFile("/zip", { results: this.results() }, "removed.zip")),
      "mask-down": () => app.attempt(() => api.fetchFile(`/photos/${app.current}/mask`, { steps: stepsOf(app.marks) }, `${app.photo.name.replace(/\.[^.]*$/, "")}.mask.png`)),
      "mask-up": () => element("mask-file").click(),
      help: () => element("keys").showModal(),
    };
    for (const [id, click] of Object.entries(clicks)) element(id).addEventListener("click", click);
    element("file").addEventListener("change", (event) => { app.open([...event.target.files]); event.target.value = ""; });
    element("mask-file").addEventListener("change", (event) => this.uploadMask(event.target));
    element("size").addEventListener("input", (event) => { app.size = Number(event.target.value); app.changed(); });
    for (const id of ["segmenter", "inpainter"]) {
      element(id).addEventListener("change", () => app.run(() => api.chooseModels(element("segmenter").value, element("inpainter").value)));
    }
  }

  /** Grow and shrink go by a share of the photo, so that they show at any size. */
  step() { return Math.max(1, Math.round(Math.max(this.app.photo?.width ?? 0, this.app.photo?.height ?? 0) / 400)); }

  /** What is looked at of each photo, where it is a result. */
  results() { return [...this.app.photos.values()].map((one) => [one.id, one.history.now.shown]).filter(([, shown]) => shown); }

  download() {
    const { photo, shown } = this.app;
    if (shown) Object.assign(document.createElement("a"), { href: api.resultUrl(photo.id, shown), download: "" }).click();
  }

  async save() {
    const { app } = this;
    const done = app.shown && await app.attempt(() => api.save(app.current, app.shown));
    if (done) { app.said = TEXT.saved + done.path; app.changed(); }
  }

  async uploadMask(input) {
    const { app } = this;
    const [file] = input.files;
    input.value = "";
    const done = file && await app.attempt(() => api.uploadMask(app.current, file));
    if (done) app.marking.addStep({ kind: "mask", mask: done.mask });
  }

  update() {
    const { app } = this;
    const { photo, marks } = app;
    const marked = marks.chosen.length + marks.steps.length > 0;
    element("drop").hidden = Boolean(photo) || app.opening > 0;
    element("message").hidden = !app.message;
    element("message").textContent = app.message;
    element("said").hidden = !app.said;
    element("said").textContent = app.said;
    element("size").value = app.size;
    element("fill").disabled = !photo || !marked || app.working?.kind === "fill";
    element("again").hidden = !app.shown;
    element("again").disabled = app.working?.kind === "fill";
    element("download").hidden = !app.shown;
    element("save").hidden = !app.shown || !app.output;
    element("zip").hidden = this.results().length < 2;
    for (const id of ["clear", "grow", "shrink", "invert", "mask-down"]) element(id).disabled = !photo || !marked;
    element("mask-up").disabled = !photo;
    element("undo").disabled = !photo?.history.past.length;
    element("redo").disabled = !photo?.history.future.length;
    element("results").hidden = !photo?.results.length;
    buttons("tools", Object.entries(TOOLS).map(([name, text]) => ({ text, on: app.tool === name, click: () => { app.tool = name; app.changed(); } })), "aria-checked");
    this.strip.update();
    this.waiting();
    this.models();
    this.found(photo, marks.chosen);
    this.pieces(photo);
    this.tries(photo);
  }

  /** What is waited for, and how far it is. */
  waiting() {
    const { working, opening } = this.app;
    const bar = element("progress");
    element("wait").hidden = !working && !opening;
    element("cancel").hidden = !working;
    const share = working?.progress ?? null;
    if (share === null) bar.removeAttribute("value");
    else bar.value = share;
    element("percent").textContent = share === null ? "" : `${Math.min(99, Math.floor(100 * share))} %`;
    element("stage-name").textContent = working ? STAGES[working.stage] ?? TEXT.waiting : TEXT.opening;
  }

  models() {
    const { models } = this.app;
    const { licences } = models;
    element("models").textContent = models.ready ? `${TEXT.finds}: ${models.finds} · ${TEXT.fills}: ${models.fills}` : TEXT.loading;
    element("models").title = [element("models").textContent, ...(models.said ?? [])].join("\n");
    for (const name of ["finds", "fills"]) element(`licence-${name}`).textContent = licences?.[name] ? `${TEXT.licence}: ${licences[name]}` : "";
    choices("segmenter", models.segmenters, models.chosen?.segmenter);
    choices("inpainter", models.inpainters, models.chosen?.inpainter);
  }

  found(photo, chosen) {
    const { app } = this;
    const groups = new Map();
    for (const object of photo?.objects ?? []) groups.set(object.label, [...(groups.get(object.label) ?? []), object]);
    buttons("chips", [...groups].map(([label, all]) => ({
      text: counted(label, all.length), on: all.every((one) => chosen.includes(one.id)), click: () => app.marking.toggleClass(label),
    })));
    const left = ({ box }) => box[0];
    const several = [...groups].filter(([, all]) => all.length > 1);
    buttons("objects", several.flatMap(([label, all]) => all.toSorted((a, b) => left(a) - left(b)).map(({ id }, index) => ({
      text: numbered(label, index + 1),
      on: chosen.includes(id),
      click: () => app.marking.toggleObject(id),
      point: (begins) => app.point(begins ? { object: id } : null),
    }))));
    element("found").hidden = !photo?.objects;
    element("one-by-one").hidden = !several.length;
    element("begin").hidden = !groups.size || chosen.length + app.marks.steps.length > 0 || photo.results.length > 0;
    element("nothing").hidden = !photo?.objects || groups.size > 0;
  }

  /** What goes with the chosen objects, each with a button that leaves it. */
  pieces(photo) {
    const { app } = this;
    const along = (photo?.pieces ?? []).map((piece, index) => ({ piece, index })).filter(({ piece }) => piece.part !== "object");
    const name = ({ part, label }) => label || PARTS[part];
    const many = (piece) => along.filter((one) => name(one.piece) === name(piece)).length > 1;
    const counts = new Map();
    buttons("parts", along.map(({ piece, index }) => {
      const count = (counts.get(name(piece)) ?? 0) + 1;
      counts.set(name(piece), count);
      return {
        text: many(piece) ? numbered(name(piece), count) : name(piece),
        on: !app.marking.isOff(piece),
        colour: COLOURS[piece.part],
        click: () => app.marking.togglePiece(piece),
        point: (begins) => app.point(begins ? { piece: index } : null),
      };
    }));
    element("parts").parentElement.hidden = !along.length;
  }

  tries(photo) {
    const { app } = this;
    const made = photo?.results ?? [];
    const original = { text: TEXT.original, image: photo && api.thumbnailUrl(photo.id), on: !app.shown, click: () => app.filling.show(null) };
    buttons("tries", made.length ? [original, ...made.map((one, index) => ({
      text: numbered(TEXT.result, index + 1), image: api.resultThumbnailUrl(photo.id, one.id), on: one.id === app.shown, click: () => app.filling.show(one.id),
    }))] : []);
  }
}
