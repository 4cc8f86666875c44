/** Groups of buttons, and lists to choose from, that follow the state. */
export const element = (id) => document.getElementById(id);

/**
 * @typedef {object} Wanted
 * @property {string} text  what it says
 * @property {boolean} on  whether it is shown as chosen
 * @property {() => void} click  what it does
 * @property {string} [colour]  of a swatch before the text
 * @property {string} [image]  the address of a picture above the text
 * @property {(begins: boolean) => void} [point]  called when the pointer or the focus comes, and goes
 */

/**
 * Buttons in a group; those that stay are kept, so that the focus stays too.
 * @param {string} id @param {Wanted[]} wanted @param {string} state  the attribute that says which are on
 */
export function buttons(id, wanted, state = "aria-pressed") {
  const group = element(id);
  const names = wanted.map((one) => `${one.text}\t${one.image ?? ""}`).join("\n");
  if (group.dataset.names !== names) {
    group.dataset.names = names;
    group.replaceChildren(...wanted.map((one) => made(one, state)));
  }
  wanted.forEach(({ on, click, point }, index) => {
    const one = group.children[index];
    one.setAttribute(state, String(on));
    one.onclick = click;
    one.onpointerenter = one.onfocus = point ? () => point(true) : null;
    one.onpointerleave = one.onblur = point ? () => point(false) : null;
  });
}

function made({ text, colour, image }, state) {
  const button = document.createElement("button");
  if (state === "aria-checked") button.setAttribute("role", "radio");
  if (image) button.append(Object.assign(new Image(), { src: image, alt: "" }));
  if (colour) {
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = colour;
    button.append(swatch);
  }
  button.append(text);
  return button;
}

/** @param {string} id @param {string[]} names @param {string} chosen */
export function choices(id, names, chosen) {
  const select = element(id);
  if (names && select.dataset.names !== names.join()) {
    select.dataset.names = names.join();
    select.replaceChildren(...names.map((name) => new Option(name, name)));
    select.value = chosen;
  }
  if (chosen && document.activeElement !== select) select.value = chosen;
}
