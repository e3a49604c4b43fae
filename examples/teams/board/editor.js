// The dialog that changes a task, unless somebody else has changed it since it was opened.
import {call} from './api.js';
import {dayOf} from './cards.js';
import {learnNames, membersOf, nameOf} from './people.js';

const dialog = document.getElementById('editor');
const form = dialog.querySelector('form');
const box = dialog.querySelector('.problem');
const {theirs, cancel, delete: deletion, title, project, due, assignee} = form.elements;
const INPUTS = {title, project, due, assignee};
const LABELS = {title: 'Title', project: 'Project', due: 'Due', assignee: 'Assignee', state: 'State'};

let base, etag, page; // the task as its user has seen it, its ETag, and what to do afterwards
let isBusy = false;

// Open the dialog. `afterwards` has saved(task), deleted(id, version), gone(id) and failed(error).
export async function edit(id, projects, afterwards) {
  page = afterwards;
  ({data: base, etag} = await call('GET', `/tasks/${id}`));
  const team = projects.find(each => each.id === base.project)?.team;
  const members = team ? await membersOf(team) : [];
  await learnNames([base.assignee]);
  setChoices(project, projects.map(each => [each.id, each.label]));
  setChoices(assignee, [['', 'Nobody'], ...people([...members, base.assignee])]);
  fill(base);
  say('');
  if (!dialog.open) dialog.showModal(); // after a double click
}

export function closeEditor() {
  dialog.close();
}

function people(ids) {
  return [...new Set(ids)].filter(Boolean).map(id => [id, nameOf(id)]);
}

function setChoices(select, choices) {
  select.replaceChildren(...choices.map(([value, text]) => new Option(text, value)));
}

function fill(task, names = Object.keys(INPUTS)) {
  for (const name of names) {
    const input = INPUTS[name];
    input.value = task[name] ?? '';
    const isNoChoice = task[name] && !input.value;
    if (isNoChoice) input.add(new Option(textOf(name), task[name], true, true));
  }
}

function valueOf(name) {
  return INPUTS[name].value || null;
}

// The names of the fields whose input differs from the task.
function changedFields() {
  return Object.keys(INPUTS).filter(name => valueOf(name) !== (base[name] ?? null));
}

function say(text, lines = []) {
  box.hidden = !text;
  theirs.hidden = !lines.length;
  box.querySelector('p').textContent = text;
  box.querySelector('ul').replaceChildren(...lines.map(line => {
    const item = document.createElement('li');
    item.textContent = line;
    return item;
  }));
}

async function save() {
  const body = Object.fromEntries(changedFields().map(name => [name, valueOf(name)]));
  const {data} = await call('PATCH', `/tasks/${base.id}`, {body, headers: {'If-Match': etag}});
  dialog.close();
  page.saved(data);
}

async function deleteTask() {
  if (!window.confirm(`Delete “${base.title}”?`)) return;
  await call('DELETE', `/tasks/${base.id}`, {headers: {'If-Match': etag}});
  dialog.close();
  page.deleted(base.id, base.version + 1);
}

// Do it once at a time, and show what prevents it.
async function attempt(action) {
  if (isBusy) return;
  isBusy = true;
  try {
    await action().catch(error => (error.status === 412 ? showTheirs() : Promise.reject(error)));
  } catch (error) {
    if (error.status === 404) page.gone(base.id);
    if (error.status === 401) page.failed(error);
    say(error.status === 404 ? 'Somebody has deleted this task, or moved it to a team that you are not in.'
      : error.status ? error.message : 'The server cannot be reached. Nothing was saved.');
  } finally {
    isBusy = false;
  }
}

// Show what somebody else has changed. Only what this user has not changed is taken over; the rest is their decision.
async function showTheirs() {
  const mine = changedFields();
  const before = base;
  ({data: base, etag} = await call('GET', `/tasks/${base.id}`));
  await learnNames([base.assignee]);
  fill(base, Object.keys(INPUTS).filter(name => !mine.includes(name)));
  const theirFields = Object.keys(LABELS).filter(name => base[name] !== before[name]);
  const lines = theirFields.map(name => `${LABELS[name]}: ${textOf(name)}`);
  say('Somebody has changed this task since you opened it. Nothing was saved. Save again to keep what you see below.',
    lines.length ? lines : ['Other fields']);
}

// The value of the task, as people read it.
function textOf(name) {
  const value = base[name];
  if (value === null) return 'none';
  const shown = {
    due: dayOf,
    assignee: nameOf,
    project: id => [...project.options].find(option => option.value === id)?.text ?? 'a different one',
  };
  return shown[name]?.(value) ?? value;
}

form.addEventListener('submit', event => {
  event.preventDefault();
  attempt(save);
});
deletion.addEventListener('click', () => attempt(deleteTask));
cancel.addEventListener('click', closeEditor);
theirs.addEventListener('click', () => {
  fill(base);
  say('');
  title.focus();
});
