/** The open photos as a strip, where there are several. */
import * as api from "./api.js";
import { element } from "./controls.js";
import { TEXT } from "./strings.js";

export class Strip {
  /** @param {import("./app.js").App} app */
  constructor(app) {
    this.app = app;
    this.ids = "";
  }

  update() {
    const { app } = this;
    const ids = [...app.photos.keys()];
    if (ids.join() !== this.ids) {
      this.ids = ids.join();
      element("strip").replaceChildren(...(ids.length < 2 ? [] : ids.map((id) => this.item(id))));
    }
    for (const one of element("strip").children) {
      one.firstChild.setAttribute("aria-pressed", String(one.dataset.id === app.current));
      one.classList.toggle("done", Boolean(app.photos.get(one.dataset.id)?.history.now.shown));
    }
  }

  item(id) {
    const { app } = this;
    const { name } = app.photos.get(id);
    const choose = Object.assign(document.createElement("button"), { title: name });
    choose.onclick = () => app.select(id);
    choose.append(Object.assign(new Image(), { src: api.thumbnailUrl(id), alt: name, loading: "lazy" }));
    const close = Object.assign(document.createElement("button"), { textContent: "×", className: "close" });
    close.setAttribute("aria-label", `${TEXT.closePhoto} ${name}`);
    close.onclick = () => app.close(id);
    const item = document.createElement("div");
    item.dataset.id = id;
    item.append(choose, close);
    return item;
  }
}
