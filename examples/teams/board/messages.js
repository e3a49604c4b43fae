// What the page says in one line: problems, what others did, and whether it is live.
import {nameOf} from './people.js';

const STATES = {connecting: 'Connecting…', live: 'Live', paused: 'Paused', lost: 'Not live'};

function setText(id, text) {
  const element = document.getElementById(id);
  if (element.textContent !== text) element.textContent = text; // else a screen reader would say it again
  return element;
}

export function showProblem(text) {
  setText('problem', text);
}

export function showState(state, text) {
  setText('live', [STATES[state], text].filter(Boolean).join(': ')).dataset.state = state;
}

export function showNews({by, action, fields, data}) {
  const moved = fields.includes('state') && `moved “${data.title}” to ${data.state}`;
  const done = action === 'create' ? `added “${data.title}”` : moved || `changed “${data.title}”`;
  setText('news', `${nameOf(by)} ${done}`);
}

export function clearMessages() {
  for (const id of ['problem', 'news', 'live']) setText(id, '');
}

export function clearNews() {
  setText('news', '');
}
