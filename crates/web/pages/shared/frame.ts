// One animation frame for a whole page: whoever wants to change something in the next frame asks here.
//
// Between all that moves or arrives and the screen. Invariant: all jobs of a frame run in one callback, so that what they
// change is drawn as one update, however many of them there are and however often they asked.

export type Job = (nowMs: number) => void;

let waiting = new Set<Job>();

/** Runs the job in the next frame, once, even if it is asked for many times until then. */
export function inNextFrame(job: Job): void {
  if (waiting.size === 0) requestAnimationFrame(run);
  waiting.add(job);
}

/** Takes back what was asked for. */
export function notInNextFrame(job: Job): void {
  waiting.delete(job);
}

function run(nowMs: number): void {
  const jobs = waiting;
  waiting = new Set();
  for (const job of jobs) {
    try {
      job(nowMs);
    } catch (error) {
      // One that fails must not take the others' frame away.
      reportError(error);
    }
  }
}
