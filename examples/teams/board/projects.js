// The projects that the user may see, and the choice among them.
import {call} from './api.js';

const choice = document.getElementById('project');
const unread = {is: true}; // there may be other projects than those shown
let projects = []; // {id, team, label}
let reading = null;

export function allProjects() {
  return projects;
}

export function chosenProject() {
  return choice.value || null;
}

export function projectsAreStale() {
  return unread.is;
}

export function onChoice(action) {
  choice.addEventListener('change', action);
}

export function focusChoice() {
  choice.focus();
}

// Read the projects again. One reading at a time, so that an older answer never replaces a newer one.
export function readProjects() {
  unread.is = true;
  reading ??= readAll().finally(() => { reading = null; });
  return reading;
}

async function readAll() {
  while (unread.is) {
    unread.is = false;
    try {
      show(await fetchProjects());
    } catch (error) {
      unread.is = true;
      throw error;
    }
  }
}

async function fetchProjects() {
  const found = [];
  for (let next = ''; next !== null;) {
    const {data, meta} = await call('GET', `/projects?fields=id,name,team&expand=team&sort=id&per_page=200${next}`);
    found.push(...data);
    next = meta.next_cursor && `&cursor=${meta.next_cursor}`;
  }
  const labelled = found.map(({id, name, team, expand}) => ({id, team, label: `${expand.team?.name ?? '…'}: ${name}`}));
  return labelled.sort((one, other) => one.label.localeCompare(other.label));
}

// Keep the choice if it is still there. New choices would close a list that the user has just opened.
function show(found) {
  if (JSON.stringify(found) === JSON.stringify(projects)) return;
  const chosen = choice.value;
  projects = found;
  choice.replaceChildren(...found.map(({id, label}) => new Option(label, id, false, id === chosen)));
}

export function forgetProjects() {
  show([]);
}
