// Inputs for parts of a definition that are written as text.
import {html, useState} from '../html.js';
import {Labelled} from '../forms.js';
import {isSame, listOf} from './draft.js';
import {readYaml, toYaml} from './yaml.js';

// An input of a value: `format` makes its text, `read` returns {value}, or {problem} for what is not complete yet.
export function ParsedInput({label, hint, problems = [], value, format, read, onInput, rows, code, ...rest}) {
  const [text, setText] = useState(format(value));
  const typed = read(text);
  const isTyping = typed.problem || isSame(typed.value, value); // else it was changed elsewhere, such as in the YAML
  const all = typed.problem ? [...problems, typed.problem] : problems;
  const type = event => {
    const {value: next, problem} = read(event.target.value);
    setText(event.target.value);
    if (!problem) onInput(next);
  };
  const isIncomplete = typed.problem ? '' : undefined; // a review would not have it
  const shown = {...rest, 'data-incomplete': isIncomplete, onInput: type, class: code ? 'code' : undefined};
  shown.value = isTyping ? text : format(value);
  return html`<${Labelled} label=${label} hint=${hint} problems=${all}>${attributes => (rows
    ? html`<textarea ...${attributes} ...${shown} rows=${rows} spellcheck=${false} />`
    : html`<input ...${attributes} ...${shown} autocomplete="off" />`)}<//>`;
}

// A number: what is not one is kept as a text, and the server says what is wrong.
export function readNumber(text) {
  const trimmed = text.trim();
  if (!trimmed) return undefined;
  if (/^-?\d+$/.test(trimmed)) return Number.isSafeInteger(Number(trimmed)) ? Number(trimmed) : BigInt(trimmed);
  return /^-?\d*\.?\d+([eE][+-]?\d+)?$/.test(trimmed) ? Number(trimmed) : trimmed;
}

export function NumberInput(properties) {
  return html`<${ParsedInput} ...${properties} inputmode="decimal" format=${value => String(value ?? '')}
    read=${text => ({value: readNumber(text)})} />`;
}

// A list of texts, one a line.
export function LinesInput(properties) {
  const lines = text => text.split('\n').map(line => line.trim()).filter(Boolean);
  return html`<${ParsedInput} rows=${3} ...${properties} format=${value => listOf(value).join('\n')}
    read=${text => ({value: lines(text).length ? lines(text) : undefined})} />`;
}

// A value as YAML: it is taken over when it is complete.
export function YamlInput(properties) {
  const read = text => {
    if (!text.trim()) return {value: undefined};
    const {value, problem} = readYaml(text);
    if (problem) return {problem: `Line ${problem.line}: ${problem.reason}. It is not taken over yet.`};
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? {value}
      : {problem: 'This must be an object, such as {status: open}. It is not taken over yet.'};
  };
  return html`<${ParsedInput} rows=${4} code=${true} ...${properties} read=${read}
    format=${value => (value === undefined || value === null ? '' : toYaml(value))} />`;
}
