// The board: who is signed in, which project is shown, and what its people do there.
import {call, signIn, signOut} from './api.js';
import {drawCards, mark, taskOf} from './cards.js';
import {closeEditor, edit} from './editor.js';
import {clearMessages, clearNews, showNews, showProblem, showState} from './messages.js';
import {forgetNames, learnNames} from './people.js';
import {
  allProjects, chosenProject, focusChoice, forgetProjects, onChoice, projectsAreStale, readProjects,
} from './projects.js';
import {follow} from './stream.js';
import {Tasks} from './tasks.js';

const CHECK_MS = 5000; // between two looks for tasks that have gone, of which members get no change
const STREAM = '/changes/stream?resource=tasks,projects,memberships&data=true';

const [signInForm, addForm] = ['sign-in', 'add'].map(id => document.getElementById(id));
const moving = new Set(); // ids of tasks
let tasks = new Tasks(null);
let user = null;
let ending = null; // aborts all that goes on while somebody is signed in

function fail(error) {
  if (error.status === 401 && user) leave('Your session has ended. Sign in again.');
  else if (error.status) showProblem(error.message);
  else if (error instanceof TypeError) showProblem('The server cannot be reached. Try again later.');
  else throw error;
}

// Do what somebody has asked for, and show what prevents it.
async function attempt(action) {
  showProblem('');
  try {
    await action();
  } catch (error) {
    if (error.status === 404) list().catch(fail); // somebody has deleted it
    fail(error);
  }
}

async function draw() {
  drawCards(tasks.all);
  await learnNames(tasks.all.map(task => task.assignee));
  drawCards(tasks.all);
}

async function list() {
  const cursor = await tasks.list();
  await draw();
  return cursor;
}

// Read the projects, and the tasks if the chosen one is gone.
async function refreshProjects() {
  await readProjects();
  const isEmpty = !allProjects().length;
  addForm.hidden = isEmpty;
  document.getElementById('none').hidden = !isEmpty;
  if (chosenProject() !== tasks.project) await choose();
}

async function choose() {
  tasks = new Tasks(chosenProject());
  clearNews();
  await list();
}

async function show(change) {
  if (change.resource !== 'tasks') {
    await refreshProjects();
    return;
  }
  if (change.data) tasks.put(change.data);
  else tasks.remove(change.id, change.version); // only those who may list everything see deletions
  await learnNames([change.by]);
  await draw();
  if (change.by === user?.id || change.data?.project !== tasks.project) return;
  showNews(change);
  mark(change.id);
}

// Look again and again. What prevents it shows in the state of the stream.
async function keepChecking(signal) {
  while (!signal.aborted) {
    await new Promise(resolve => { setTimeout(resolve, CHECK_MS); });
    if (signal.aborted || document.hidden) continue;
    try {
      if (!projectsAreStale() && !await tasks.haveChanged()) continue;
      await refreshProjects();
      await list();
    } catch (error) {
      if (error.status === 401 && !signal.aborted) fail(error);
    }
  }
}

function enter(account) {
  ending?.abort(); // after a double click
  user = account;
  ending = new AbortController();
  document.querySelector('#user span').textContent = user.name ?? user.email;
  showParts();
  focusChoice();
  const {signal} = ending;
  const page = {
    list: async () => {
      tasks.expectOldVersions();
      await refreshProjects();
      return list();
    },
    change: change => show(change).catch(error => signal.aborted || fail(error)),
    state: (state, text) => signal.aborted || showState(state, text),
  };
  follow(STREAM, page, signal).catch(fail);
  keepChecking(signal);
}

function leave(text) {
  ending.abort();
  user = null;
  tasks = new Tasks(null);
  drawCards([]);
  forgetProjects();
  forgetNames();
  closeEditor();
  clearMessages();
  showParts();
  showProblem(text);
  signInForm.elements.email.focus();
}

function showParts() {
  signInForm.hidden = Boolean(user);
  for (const id of ['user', 'board']) document.getElementById(id).hidden = !user;
}

// Take the record of an answer. The stream sends it, too.
function take(task) {
  tasks.put(task);
  return draw();
}

function remove(id, version) {
  tasks.remove(id, version);
  return draw();
}

async function move(id, state) {
  const task = tasks.get(id);
  if (task.state === state || moving.has(id)) return;
  moving.add(id);
  try {
    const headers = {'If-Match': `"${task.version}"`};
    await take((await call('PATCH', `/tasks/${id}`, {body: {state}, headers})).data);
  } catch (error) {
    if (error.status !== 412) throw error;
    await take((await call('GET', `/tasks/${id}`)).data);
    showProblem(`Somebody has just changed “${task.title}”, so it was not moved. This is how it is now.`);
  } finally {
    moving.delete(id);
  }
}

function onSubmit(form, action) {
  form.addEventListener('submit', event => {
    event.preventDefault();
    attempt(() => action(form.elements));
  });
}

onSubmit(signInForm, async ({email, password}) => {
  const account = await signIn(email.value, password.value);
  signInForm.reset();
  enter(account);
});
onSubmit(addForm, async ({title, due}) => {
  const body = {project: tasks.project, title: title.value, due: due.value || null};
  addForm.reset(); // at once, for the next task, and so that a second Enter does not add this one again
  title.focus();
  try {
    await take((await call('POST', '/tasks', {body})).data);
  } catch (error) {
    if (!title.value) [title.value, due.value] = [body.title, body.due ?? ''];
    throw error;
  }
});
document.getElementById('sign-out').addEventListener('click', async () => {
  await signOut().catch(() => {}); // without a connection, the session ends by its age
  leave('');
});
onChoice(() => attempt(choose));
document.querySelector('.columns').addEventListener('click', ({target}) => {
  if (target.type !== 'button') return;
  const id = taskOf(target);
  const afterwards = {saved: take, deleted: remove, gone: list, failed: fail};
  attempt(() => (target.value === 'edit' ? edit(id, allProjects(), afterwards) : move(id, target.value)));
});
