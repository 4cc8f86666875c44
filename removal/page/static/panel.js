/** The panel beside the photo, the strip above it, and what is said. */
import * as api from "./api.js";
import { COLOURS } from "./layers.js";
import { KEYS, PARTS, STAGES, TEXT, TOOLS, counted } from "./strings.js";

const element = (id) => document.getElementById(id);

/**
 * Buttons in a group; those that stay are kept, so that the focus stays too.
 * @param {string} id @param {{text: string, on: boolean, click: () => void, colour?: string}[]} wanted @param {string} state
 */
function buttons(id, wanted, state = "aria-pressed") {
  const group = element(id);
  const names = wanted.map((one) => one.text).join("\n");
  if (group.dataset.names !== names) {
    group.dataset.names = names;
    group.replaceChildren(...wanted.map(({ text, colour }) => {
      const made = document.createElement("button");
      if (state === "aria-checked") made.setAttribute("role", "radio");
      if (colour) { const swatch = document.createElement("span"); swatch.className = "swatch"; swatch.style.background = colour; made.append(swatch); }
      made.append(text);
      return made;
    }));
  }
  wanted.forEach(({ on, click }, index) => {
    const one = group.children[index];
    one.setAttribute(state, String(on));
    one.onclick = click;
  });
}

export class Panel {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    for (const one of document.querySelectorAll("[data-text]")) one.textContent = TEXT[one.dataset.text];
    for (const one of document.querySelectorAll("[data-label]")) one.setAttribute("aria-label", TEXT[one.dataset.label]);
    const click = (id, handler) => element(id).addEventListener("click", handler);
    click("open", () => element("file").click());
    element("file").addEventListener("change", (event) => { app.open([...event.target.files]); event.target.value = ""; });
    click("undo", () => app.undo());
    click("redo", () => app.undo(true));
    click("clear", () => app.mark({ chosen: [], off: [], steps: [] }));
    click("grow", () => app.addStep({ kind: "grow", px: this.step() }));
    click("shrink", () => app.addStep({ kind: "shrink", px: this.step() }));
    click("invert", () => app.addStep({ kind: "invert" }));
    click("fill", () => app.fill());
    click("again", () => app.again());
    click("cancel", () => app.cancel());
    click("download", () => this.download());
    click("save", () => this.save());
    click("zip", () => app.attempt(() => api.fetchFile("/zip", { results: [...app.photos.values()].filter((one) => one.history.now.shown).map((one) => [one.id, one.history.now.shown]) }, "removed.zip")));
    click("mask-down", () => app.attempt(() => api.fetchFile(`/photos/${app.current}/mask`, { steps: app.steps }, `${app.photo.name.replace(/\.[^.]*$/, "")}.mask.png`)));
    click("mask-up", () => element("mask-file").click());
    element("mask-file").addEventListener("change", (event) => this.uploadMask(event.target));
    click("help", () => element("keys").showModal());
    element("size").addEventListener("input", (event) => { app.size = Number(event.target.value); app.changed(); });
    for (const id of ["segmenter", "inpainter"]) element(id).addEventListener("change", () => app.run(() => api.chooseModels(element("segmenter").value, element("inpainter").value)));
    for (const [keys, what] of KEYS) element("key-list").append(Object.assign(document.createElement("dt"), { textContent: keys }), Object.assign(document.createElement("dd"), { textContent: what }));
    app.onChange(() => this.update());
    this.update();
  }

  /** Grow and shrink go by a share of the photo, so that they show at any size. */
  step() { return Math.max(1, Math.round(Math.max(this.app.photo?.width ?? 0, this.app.photo?.height ?? 0) / 400)); }

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
    if (done) app.addStep({ kind: "mask", mask: done.mask });
  }

  update() {
    const { app } = this;
    const { photo, working } = app;
    element("drop").hidden = Boolean(photo);
    element("message").hidden = !app.message;
    element("message").textContent = app.message;
    element("wait").hidden = !working;
    if (working) element("stage-name").textContent = STAGES[working.stage] ?? TEXT.loading;
    const { models } = app;
    element("said").hidden = !app.said;
    element("said").textContent = app.said;
    element("models").textContent = (models.ready ? [`${TEXT.finds}: ${models.finds}`, `${TEXT.fills}: ${models.fills}`].join(" · ") : TEXT.loading);
    element("models").title = (models.said ?? []).join("\n");
    this.list("segmenter", models.segmenters, models.chosen?.segmenter);
    this.list("inpainter", models.inpainters, models.chosen?.inpainter);
    element("size").value = app.size;
    const { chosen, off, steps } = app.marks;
    const marked = chosen.length || steps.length;
    element("fill").disabled = !photo || !marked;
    element("again").disabled = !app.shown;
    for (const id of ["download"]) element(id).disabled = !app.shown;
    element("save").hidden = !app.output;
    element("save").disabled = !app.shown;
    element("zip").hidden = app.photos.size < 2;
    for (const id of ["clear", "grow", "shrink", "invert", "mask-down"]) element(id).disabled = !photo || !marked;
    element("mask-up").disabled = !photo;
    element("undo").disabled = !photo?.history.past.length;
    element("redo").disabled = !photo?.history.future.length;
    this.strip();
    this.chips(photo, chosen);
    const parts = Object.entries(photo?.parts?.parts ?? {}).filter(([name, outlines]) => name !== "object" && outlines.length);
    element("parts").parentElement.hidden = !parts.length;
    buttons("parts", parts.map(([name]) => ({ text: PARTS[name], on: !off.includes(name), colour: COLOURS[name], click: () => app.togglePart(name) })));
    buttons("tools", Object.entries(TOOLS).map(([name, text]) => ({ text, on: app.tool === name, click: () => { app.tool = name; app.changed(); } })), "aria-checked");
    const tries = photo?.results ?? [];
    const original = { text: TEXT.original, on: !app.shown, click: () => app.show(null) };
    buttons("tries", tries.length ? [original, ...tries.map((one, index) => ({ text: String(index + 1), on: one.id === app.shown, click: () => app.show(one.id) }))] : []);
    element("hint").hidden = !app.shown;
  }

  chips(photo, chosen) {
    const { app } = this;
    const counts = new Map();
    for (const object of photo?.objects ?? []) counts.set(object.label, (counts.get(object.label) ?? 0) + 1);
    const chips = [...counts].map(([label, count]) => {
      const ids = photo.objects.filter((one) => one.label === label).map((one) => one.id);
      return { text: counted(label, count), on: ids.every((id) => chosen.includes(id)), click: () => app.toggleClass(label) };
    });
    buttons("chips", chips);
    element("begin").hidden = !chips.length || app.marks.chosen.length + app.marks.steps.length > 0 || photo.results.length > 0;
    element("nothing").hidden = !photo?.objects || chips.length > 0;
  }

  strip() {
    const { app } = this;
    const ids = [...app.photos.keys()];
    if (ids.join() !== this.ids) {
      this.ids = ids.join();
      element("strip").replaceChildren(...(ids.length < 2 ? [] : ids.map((id) => {
        const made = document.createElement("button");
        made.onclick = () => app.select(id);
        made.append(Object.assign(new Image(), { src: api.thumbnailUrl(id), alt: app.photos.get(id).name, loading: "lazy" }));
        made.dataset.id = id;
        return made;
      })));
    }
    for (const one of element("strip").children) one.setAttribute("aria-pressed", String(one.dataset.id === app.current));
  }

  list(id, names, chosen) {
    const select = element(id);
    if (!names || select.dataset.names === names.join()) { if (chosen && document.activeElement !== select) select.value = chosen; return; }
    select.dataset.names = names.join();
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = chosen;
  }
}
