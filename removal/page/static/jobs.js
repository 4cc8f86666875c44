/** The jobs that the page started; an end may be heard before the answer that names the job. */
const ENDED = ["done", "failed", "cancelled"];
const KEPT = 100;

export class Jobs {
  constructor() {
    this.running = new Map();
    this.waiting = new Map();
    this.ended = new Map();
  }

  /** The job of a photo that is worked on; a fill before what is quicker. @param {string | null} photo */
  of(photo) {
    const mine = [...this.running.values()].filter((job) => job.photo === photo);
    return mine.find((job) => job.kind === "fill") ?? mine[0];
  }

  get waited() { return [...this.waiting.keys()]; }

  /** @param {{job: string}} job @returns {Promise<object>} the job's record at its end */
  follow(job) {
    const ended = this.ended.get(job.job);
    if (ended) return Promise.resolve(ended);
    if (!this.running.has(job.job)) this.running.set(job.job, job);
    return new Promise((resolve) => { this.waiting.set(job.job, resolve); });
  }

  /** Takes an event. @returns {boolean} whether somebody waits for this job */
  heard(event) {
    const waiting = this.waiting.get(event.job);
    if (!ENDED.includes(event.state)) {
      if (!this.ended.has(event.job)) this.running.set(event.job, event);
      return Boolean(waiting);
    }
    this.running.delete(event.job);
    this.waiting.delete(event.job);
    this.ended.set(event.job, event);
    if (this.ended.size > KEPT) this.ended.delete(this.ended.keys().next().value);
    waiting?.(event);
    return Boolean(waiting);
  }
}
