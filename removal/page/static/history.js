/** Undo and redo over everything: whole states, which are small, because strokes are vectors. */
export class History {
  /** @param {object} state  plain data only */
  constructor(state) {
    this.past = [];
    this.future = [];
    this.now = state;
  }

  /** @param {object} state  the new state; the present one can be undone to */
  push(state) {
    this.past.push(this.now);
    if (this.past.length > 500) this.past.shift();
    this.future = [];
    this.now = state;
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.now);
    this.now = this.past.pop();
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.now);
    this.now = this.future.pop();
    return true;
  }

  /** Rewrites every state. @param {(state: object) => object} change */
  map(change) {
    this.past = this.past.map(change);
    this.future = this.future.map(change);
    this.now = change(this.now);
  }
}
