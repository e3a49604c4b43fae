// The tasks of one project, as far as the page knows them. Lists, changes and answers may come in any order.
import {call} from './api.js';

const FIELDS = 'id,version,project,title,state,due,assignee';

export class Tasks {
  #held = new Map();
  #versions = new Map(); // also of tasks that have left: an older list must not bring them back

  constructor(project) {
    this.project = project;
  }

  get all() {
    return [...this.#held.values()];
  }

  get(id) {
    return this.#held.get(id);
  }

  // Take a record, unless a newer version is known.
  put(task) {
    if (task.version < (this.#versions.get(task.id) ?? 0)) return;
    this.#versions.set(task.id, task.version);
    if (task.project === this.project) this.#held.set(task.id, task);
    else this.#held.delete(task.id);
  }

  // Forget a task that was deleted; a deletion counts as a version.
  remove(id, version) {
    this.#versions.set(id, version);
    this.#held.delete(id);
  }

  // Read all tasks; returns the cursor after which changes follow this list.
  async list() {
    const before = new Map(this.#held);
    const {found, cursor} = await this.#read(FIELDS);
    const ids = new Set(found.map(task => task.id));
    for (const [id, task] of before) {
      if (!ids.has(id) && this.#held.get(id) === task) this.#held.delete(id); // not if it has come back meanwhile
    }
    found.forEach(task => this.put(task));
    return cursor;
  }

  // After a cursor has expired: if a backup was restored, versions begin again at smaller numbers.
  expectOldVersions() {
    this.#versions.clear();
  }

  // Whether the server has other tasks. Members get no change when a task is deleted or leaves what they may see.
  async haveChanged() {
    const {found} = await this.#read('id,version');
    return found.length !== this.#held.size || found.some(task => this.#held.get(task.id)?.version !== task.version);
  }

  async #read(fields) {
    const query = new URLSearchParams({fields, sort: 'id', count: false, per_page: 200});
    if (this.project) query.set('project', this.project);
    const found = [];
    let first = null;
    for (let next = ''; next !== null;) {
      const {data, meta} = await call('GET', `/tasks?${query}${next && `&cursor=${next}`}`);
      found.push(...data);
      first ??= meta.changes_cursor;
      next = meta.next_cursor;
    }
    return {found, cursor: first};
  }
}
