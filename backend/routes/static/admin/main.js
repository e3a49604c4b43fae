// The start of the page.
import {html, render} from './parts/html.js';
import {Frame} from './parts/frame.js';

document.getElementById('page').textContent = ''; // the text for browsers without JavaScript
render(html`<${Frame} />`, document.getElementById('page'));
