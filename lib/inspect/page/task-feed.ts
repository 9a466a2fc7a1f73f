import type { TaskDetails } from '../server/task-details.js';
import { request } from './request.js';

/** The details of one task from the server: the task that is open on the page. */
export class TaskFeed {
  private path: string | undefined = undefined;
  private answer: TaskDetails | undefined = undefined;
  private pending = false;

  /** Follows a task, or none. */
  follow(path: string | undefined): void {
    if (path !== this.path) this.answer = undefined;
    this.path = path;
  }

  /** Returns the last answer for a task. */
  of(path: string): TaskDetails | undefined {
    return path === this.path ? this.answer : undefined;
  }

  /** Requests the details of the followed task, unless a request is pending. */
  async poll(): Promise<void> {
    const { path } = this;
    if (path === undefined || this.pending) return;
    this.pending = true;
    try {
      const response = await request(`task?path=${encodeURIComponent(path)}`);
      // The server no longer has the runs of a child that ended long ago.
      const answer = response.ok ? ((await response.json()) as TaskDetails) : undefined;
      if (path === this.path) this.answer = answer;
    } catch {
      // The connection reports that the server cannot be reached.
      return;
    } finally {
      this.pending = false;
    }
    // Another task was opened meanwhile.
    if (path !== this.path) await this.poll();
  }
}
