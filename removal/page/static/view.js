/** Where the photo stands on the screen, and the tiles that are drawn of it. The canvas is screen-sized. */
import { tileUrl } from "./api.js";

const KEPT_TILES = 300;

export class View {
  /** @param {HTMLCanvasElement} canvas @param {() => void} changed  called when a tile has come */
  constructor(canvas, changed) {
    this.canvas = canvas;
    this.changed = changed;
    this.tiles = new Map();
    this.scale = 1;
    this.left = 0;
    this.top = 0;
    this.photo = null;
  }

  /** @param {{id: string, width: number, height: number, levels: number, tile_px: number}} photo */
  show(photo) {
    this.photo = photo;
    this.tiles.clear();
    this.fit();
  }

  resize() {
    const ratio = Math.min(devicePixelRatio || 1, 3);
    const { width, height } = this.canvas.getBoundingClientRect();
    this.ratio = ratio;
    this.width = width;
    this.height = height;
    this.canvas.width = Math.max(1, Math.round(width * ratio));
    this.canvas.height = Math.max(1, Math.round(height * ratio));
  }

  fit() {
    if (!this.photo) return;
    this.scale = Math.min(this.width / this.photo.width, this.height / this.photo.height) * 0.96;
    this.left = (this.width - this.photo.width * this.scale) / 2;
    this.top = (this.height - this.photo.height * this.scale) / 2;
    this.changed();
  }

  /** Zooms, the point (x, y) of the stage staying where it is. */
  zoom(scale, x = this.width / 2, y = this.height / 2) {
    const least = Math.min(0.05, Math.min(this.width / this.photo.width, this.height / this.photo.height) * 0.5);
    const next = Math.min(8 / this.ratio, Math.max(least, scale));
    this.left = x - ((x - this.left) * next) / this.scale;
    this.top = y - ((y - this.top) * next) / this.scale;
    this.scale = next;
    this.changed();
  }

  move(dx, dy) {
    this.left += dx;
    this.top += dy;
    this.changed();
  }

  /** Stage coordinates to photo coordinates. */
  toPhoto(x, y) {
    return [(x - this.left) / this.scale, (y - this.top) / this.scale];
  }

  /** Sets the canvas so that photo coordinates can be drawn. */
  transform(context) {
    const k = this.scale * this.ratio;
    context.setTransform(k, 0, 0, k, this.left * this.ratio, this.top * this.ratio);
  }

  /**
   * Draws the tiles of a source in sight; a coarser level, and under it another source, stands in until they have come.
   * @param {CanvasRenderingContext2D} context @param {string} source @param {string | null} instead
   */
  draw(context, source, instead = null) {
    const { photo } = this;
    if (instead !== null && !this.covers(source)) this.draw(context, instead);
    const wanted = Math.max(0, Math.min(photo.levels - 1, Math.floor(Math.log2(1 / (this.scale * this.ratio)) + 0.01)));
    context.imageSmoothingEnabled = this.scale * this.ratio < 3;
    for (let level = photo.levels - 1; level >= wanted; level -= 1) {
      if (level !== wanted && level !== photo.levels - 1) continue;
      const span = photo.tile_px * 2 ** level;
      const [x0, y0] = this.toPhoto(0, 0);
      const [x1, y1] = this.toPhoto(this.width, this.height);
      for (let row = Math.max(0, Math.floor(y0 / span)); row * span < Math.min(y1, photo.height); row += 1) {
        for (let col = Math.max(0, Math.floor(x0 / span)); col * span < Math.min(x1, photo.width); col += 1) {
          const image = this.tile(source, level, col, row);
          const width = Math.min(span, photo.width - col * span);
          const height = Math.min(span, photo.height - row * span);
          if (image.complete && image.naturalWidth) context.drawImage(image, col * span, row * span, width, height);
        }
      }
    }
  }

  /** Whether the coarsest tile of a source, which shows all of it, has come. */
  covers(source) {
    const image = this.tile(source, this.photo.levels - 1, 0, 0);
    return image.complete && image.naturalWidth > 0;
  }

  tile(source, level, col, row) {
    const key = `${source}/${level}/${col}/${row}`;
    let image = this.tiles.get(key);
    if (image) {
      this.tiles.delete(key);
    } else {
      image = new Image();
      image.decoding = "async";
      image.onload = this.changed;
      image.src = tileUrl(this.photo.id, source, level, col, row);
    }
    this.tiles.set(key, image);
    if (this.tiles.size > KEPT_TILES) this.tiles.delete(this.tiles.keys().next().value);
    return image;
  }
}
