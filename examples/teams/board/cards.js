// Draws tasks as cards in three columns. Texts of people become text, never markup.
import {nameOf} from './people.js';

const template = document.getElementById('card');
const columns = [...document.querySelectorAll('ol[data-state]')];
const cards = new Map(); // by the id of the task

// Show these tasks and no others. What has the focus keeps it.
export function drawCards(tasks) {
  const focus = placeOfFocus();
  const ids = new Set(tasks.map(task => task.id));
  for (const [id, card] of cards) {
    if (!ids.has(id)) removeCard(id, card);
  }
  for (const column of columns) drawColumn(column, tasks.filter(task => task.state === column.dataset.state));
  restore(focus);
}

// Draw the attention to a task that somebody else has changed.
export function mark(id) {
  const card = cards.get(id);
  card?.classList.remove('changed');
  requestAnimationFrame(() => card?.classList.add('changed'));
}

// The id of the task that an element is on the card of.
export function taskOf(element) {
  return element.closest('.card').dataset.task;
}

function drawColumn(column, tasks) {
  column.previousElementSibling.querySelector('span').textContent = tasks.length;
  tasks.sort(byDue).forEach((task, index) => {
    const card = cards.get(task.id) ?? addCard(task.id);
    fill(card, task);
    if (column.children[index] !== card) column.insertBefore(card, column.children[index] ?? null);
  });
}

// Those without a date come last.
function byDue(one, other) {
  const [left, right] = [one, other].map(task => `${task.due ?? '~'} ${task.title} ${task.id}`);
  return left < right ? -1 : 1;
}

function addCard(id) {
  const card = template.content.firstElementChild.cloneNode(true);
  card.dataset.task = id;
  cards.set(id, card);
  return card;
}

function removeCard(id, card) {
  card.remove();
  cards.delete(id);
}

function fill(card, task) {
  setText(card.querySelector('h3'), task.title);
  const time = card.querySelector('time');
  time.dateTime = task.due ?? '';
  setText(time, task.due ? `Due ${dayOf(task.due)}` : '');
  setText(card.querySelector('p span'), task.assignee ? nameOf(task.assignee) : '');
  card.querySelector('.states').setAttribute('aria-label', `State of ${task.title}`);
  for (const button of card.querySelectorAll('.states button')) {
    button.setAttribute('aria-pressed', button.value === task.state);
  }
  card.querySelector('[value=edit]').setAttribute('aria-label', `Edit ${task.title}`);
}

// Only if it differs: a new text would end the selection of a reader.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function dayOf(date) {
  return new Date(`${date}T00:00`).toLocaleDateString([], {day: 'numeric', month: 'short', year: 'numeric'});
}

function placeOfFocus() {
  const element = document.activeElement;
  return {element, column: element.closest?.('section')};
}

// A card that moves loses the focus. If it has gone, the heading of its column gets it.
function restore({element, column}) {
  if (document.activeElement === element) return;
  if (element.isConnected) element.focus({preventScroll: true});
  else column?.querySelector('h2').focus();
}
