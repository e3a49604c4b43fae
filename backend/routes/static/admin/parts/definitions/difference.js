// The lines that differ between two texts.
import {html} from '../html.js';

// Returns [mark, line] pairs: '-' for a line of the first text only, '+' of the second only, ' ' for one of both.
export function differenceOf(first, second) {
  const [before, after] = [first, second].map(text => text.split('\n').filter((line, index, all) => (
    line || index < all.length - 1)));
  // lengths[i][j] is the length of the longest common sequence of lines from i and j on
  const lengths = Array.from({length: before.length + 1}, () => new Uint32Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i][j] = before[i] === after[j] ? lengths[i + 1][j + 1] + 1
        : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const found = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      found.push([' ', before[i]]);
      i++, j++;
    } else if (j >= after.length || (i < before.length && lengths[i + 1][j] >= lengths[i][j + 1])) {
      found.push(['-', before[i++]]);
    } else {
      found.push(['+', after[j++]]);
    }
  }
  return found;
}

const WORDS = {'-': 'removed: ', '+': 'added: '};
const CLASSES = {'-': 'removed', '+': 'added'};

export function Difference({label, before, after}) {
  const lines = differenceOf(before, after);
  if (lines.every(([mark]) => mark === ' ')) return html`<p class="quiet">${label}: no difference.</p>`;
  const spoken = mark => WORDS[mark] && html`<b class="hidden-text">${WORDS[mark]}</b>`;
  return html`<pre class="difference" tabindex="0" role="region" aria-label=${label}>${lines.map(([mark, line]) => html`
    <span class=${CLASSES[mark]}>${mark} ${spoken(mark)}${line}</span>`)}
  </pre>`;
}
